"""Tables that Spark prints, as HTML."""

import re

from hopyard.notebook.kernels.pretty import html_of

TABLE = """+---+------+
| id|animal|
+---+------+
|  1|   cat|
|  2|a | <b|
+---+------+
"""


def rows(html):
    return [re.findall(r"<t[dh]><pre [^>]*>([^<]*)</pre>", row) for row in html.split("<tr>")[1:]]


def test_tables_and_the_text_around_them():
    html = html_of(f"before <x>\n{TABLE}between\n{TABLE}only showing top 2 rows\n")
    assert html.count("<table>") == 2
    assert html.startswith("<pre>before &lt;x&gt;</pre><br /><table>")
    assert html.endswith("<br /><pre>only showing top 2 rows</pre>")
    assert rows(html) == 2 * [["id", "animal"], ["1", "cat"], ["2", "a | &lt;b"]]


def test_columns_of_one_name_and_wide_signs():
    text = "+---+---+----+\n|  a|  a|   b|\n+---+---+----+\n|  1| 😀|中文|\n+---+---+----+\n"
    assert rows(html_of(text)) == [["a", "a", "b"], ["1", "😀", "中文"]]


def test_no_columns_and_no_rows():
    assert rows(html_of("++\n||\n++\n||\n++\n")) == [[""], [""]]
    assert rows(html_of("+---+\n|  a|\n+---+\n+---+\n")) == [["a"]]


def test_a_table_that_was_cut_is_one():
    assert rows(html_of(TABLE[:60])) == [["id", "animal"], ["1", "cat"]]


def test_what_is_no_table_is_left():
    for text in ("", "plain", "+--+\n|a|\n+--+\n", "+---+\nno table\n+---+\n", "C++\n++\n"):
        assert html_of(text) is None
