"""DataFrames as HTML."""

from hopyard.driver.interpreters.showing import ROWS, table


def test_table_has_schema_rows_and_says_that_there_are_more():
    html = table(
        [("a<b", "bigint"), ("t", "string")], [(number, None) for number in range(ROWS + 1)]
    )
    assert "a&lt;b" in html and "<small>bigint</small>" in html
    assert html.count("<tr>") == ROWS + 1
    assert "2 columns; the first 20 rows" in html and "<i>NULL</i>" in html


def test_long_values_are_cut_and_escaped():
    html = table([("t", "string")], [("<" * 300,)])
    assert "&lt;" * 200 + "…" in html and "1 column; all rows" in html
