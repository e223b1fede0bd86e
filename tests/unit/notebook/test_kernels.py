"""The parts of the PySpark kernel that need no server."""

import datetime
import json
import sys
from decimal import Decimal

import pytest

from hopyard.notebook.kernels import assist, progress
from hopyard.notebook.kernels import sparkmagic as parts
from hopyard.notebook.kernels.language import PYTHON, SCALA, R


@pytest.fixture(scope="module", autouse=True)
def kernel_modules():
    """Load sparkmagic as the kernel does, and forget it: it leaves late modules behind."""
    before = set(sys.modules)
    parts.load()
    parts.configure({}, PYTHON)
    yield
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("sparkmagic", "hdijupyterutils"):
            del sys.modules[name]


def test_application_is_called_after_project_and_notebook():
    environment = {"HOPYARD_PROJECT": "demo", "JPY_SESSION_NAME": "/project/Jupyter/My book.ipynb"}
    assert parts.application_name(environment, "Spark") == "demo: My book"
    assert parts.application_name({}, "Spark") == "Spark"


def test_own_application_name_wins():
    conf = {"spark.app.name": "mine", "spark.x": "1"}
    environment = {"HOPYARD_SESSION_CONF": json.dumps({"driverMemory": "2g", "conf": conf})}
    assert parts.session_request(environment, "Spark") == {"driverMemory": "2g", "conf": conf}


def test_token_is_read_when_used_and_never_shown(monkeypatch):
    import requests

    from hopyard.notebook.kernels.token import HubToken

    auth = HubToken()
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "very-secret")
    request = auth(requests.Request("GET", "http://127.0.0.1/").prepare())
    assert request.headers["Authorization"] == "Bearer very-secret"
    assert "very-secret" not in repr(auth) + str(vars(auth))


def test_rows_keep_names_types_and_nulls():
    import pyarrow

    from hopyard.notebook.kernels.columns import to_pandas

    days = pyarrow.array([datetime.date(2024, 1, 2), None])
    columns = {
        "a": pyarrow.array([2**60, None]),
        "b": pyarrow.array(["01", "x"]),
        "n": pyarrow.nulls(2),
        "d": days,
        "m": pyarrow.array([Decimal("1.10"), None]),
        "t": pyarrow.array([True, None]),
        "u": pyarrow.array([1, None], pyarrow.uint8()),
    }
    table = pyarrow.table(list(columns.values()), names=["a", "a", *list(columns)[2:]])
    found, texts = to_pandas(table)
    assert texts == []
    assert list(found.columns) == ["a", "a", "n", "d", "m", "t", "u"]
    assert found.iloc[0, 0] == 2**60 and str(found.dtypes.iloc[0]) == "Int64"
    assert found.iloc[:, 1].tolist() == ["01", "x"]
    assert found["n"].isna().all()
    assert str(found["d"].dtype).startswith("datetime64")
    assert to_pandas(table, coerce=False)[0]["d"][0] == datetime.date(2024, 1, 2)
    assert found["m"][0] == Decimal("1.10")
    assert (str(found["t"].dtype), str(found["u"].dtype)) == ("boolean", "UInt8")


@pytest.mark.parametrize("language", [PYTHON, SCALA, R])
def test_text_for_the_driver_is_quoted(language):
    text = language.text("x", 'say "hi"\n\\ é')
    assert text.endswith(('"say \\"hi\\"\\n\\\\ é"', "'say \"hi\"\\n\\\\ é'"))


def test_words_are_known_without_a_driver():
    assistant = assist.Assistant(PYTHON)
    assistant.learn("frame_of_days = 1")
    answer = assistant.known("x = frame_", 10, assist.BUSY)
    assert answer["matches"] == ["frame_of_days"]
    assert (answer["cursor_start"], answer["cursor_end"]) == (4, 10)
    types = answer["metadata"]["_jupyter_types_experimental"]
    assert types[0]["type"] == "Spark is busy"
    assert assistant.known("x.", 2, assist.BUSY)["matches"] == []
    assert "no Spark session yet" in assist.unknown(assist.NO_SESSION)["data"]["text/plain"]


def test_progress_is_shown_late_and_leaves_one_line(monkeypatch):
    sent = []
    shown = progress.Progress(lambda kind, content: sent.append((kind, content["data"])))
    now = {"fraction": 0.5, "jobs": 1, "stages": 2, "tasks": 8, "tasks_done": 4, "tasks_failed": 1}
    shown.update(now)
    shown.end()
    assert not sent
    monkeypatch.setattr(progress, "PATIENCE", 0)
    shown.update({**now, "executors": 2})
    shown.end()
    assert [kind for kind, _ in sent] == ["display_data", "update_display_data"]
    counts = "1 job · 2 stages · 4 of 8 tasks · 1 failed · 2 executors"
    assert counts in sent[0][1]["text/plain"] and 'value="0.5000"' in sent[0][1]["text/html"]
    assert sent[1][1]["text/plain"].startswith("Spark: 1 job · 2 stages · 8 tasks · 1 failed")


def test_failed_statement_has_the_drivers_name_and_traceback():
    from hopyard.notebook.kernels.errors import StatementError

    error = StatementError.of(
        {"ename": "ValueError", "evalue": "bad", "traceback": ["one\n", "it is bad\n"]}
    )
    assert type(error).__name__ == "ValueError"
    assert str(error) == "bad"
    assert error._render_traceback_() == ["one", "it is bad"]
    error = StatementError.of({"ename": "Error", "evalue": "bad\nvery", "traceback": ["  at f(1)"]})
    assert error._render_traceback_() == ["\x1b[31mError\x1b[0m: bad\nvery", "  at f(1)"]


@pytest.mark.parametrize(
    ("cell", "runs"),
    [
        ("1+1", "%%spark\n1+1"),
        ("%%local\n  x = 1", "  x = 1"),
        ("%local x", "x"),
        ("\n%%sql\nselect 1", "%%sql\nselect 1"),
        ("%%info", "%%info\n "),
        ("", ""),
        ("%spark -o x", "%%spark -o x\n "),
        ("%time f()", "%%spark\n%time f()"),
        ("%%time\nf()", "%%spark\n%%time\nf()"),
        ("!ls", "%%spark\n!ls"),
        ("%%help", "%%help\n "),
        ("%matplot plt", "%matplot plt"),
        (" \t%matplot plt", "%matplot plt"),
        (" %%sql\nselect 1", "%%sql\nselect 1"),
        ("\n \n%%sql\nselect 1", "%%sql\nselect 1"),
        ("  %%help", "%%help\n "),
        ("\t%%local\r\nx = 1\r\n", "x = 1\n"),
        ("\ufeff%%sql\r\nselect 1", "%%sql\nselect 1"),
        ("%%sql\rselect 1", "%%sql\nselect 1"),
        ("\u00a0%%sql\u00a0-o\u00a0x\nselect 1", "%%sql -o x\nselect 1"),
        ("\ufeff1+1", "%%spark\n1+1"),
        (" \ufeff\n", ""),
        ("%%sql select 1", "%%sql\nselect 1"),
        ("%%sql -q -o x select 1", "%%sql -q -o x\nselect 1"),
        ("%%sql -n5 --output=x select 1\nfrom t", "%%sql -n5 --output=x\nselect 1\nfrom t"),
        ("%%sql -- all\nselect 1", "%%sql\n-- all\nselect 1"),
        ("%%sql --limit 3\nselect 1", "%%sql --limit 3\nselect 1"),
        ("%%sql -n\nselect 1", "%%sql -n\nselect 1"),
        ('%%configure -f {"conf": {}}', '%%configure -f\n{"conf": {}}'),
        ("%%spark 1 + 1", "%%spark\n1 + 1"),
        ("%%pretty df.show()", "%%pretty\ndf.show()"),
    ],
)
def test_parser_says_where_a_cell_runs(cell, runs):
    from hopyard.notebook.kernels.parser import Parser

    assert Parser().get_code_to_run(cell) == runs


@pytest.mark.parametrize(
    ("language", "cell", "late"),
    [
        (PYTHON, "# c\n%%sql\nselect 1", "%%sql"),
        (PYTHON, "x = 1\n  %%local\nx", "%%local"),
        (PYTHON, "x = 1\n%info", "%info"),
        (PYTHON, "%%time\n%%sql\nselect 1", "%%sql"),
        (PYTHON, "text = '''\n%%sql\n'''", None),
        (PYTHON, "(10\n%help)", None),
        (PYTHON, "%%writefile notes\n%%sql", None),
        (SCALA, "// c\n%%sql\nselect 1", "%%sql"),
        (SCALA, "/* c */\n%%help", "%%help"),
        (SCALA, 'val text = """\n%%sql\n"""', None),
        (R, "# it's\n%%sql\nselect 1", "%%sql"),
        (R, "x <- 5\n%%help", "%%help"),
        (R, "(x\n%%help)", None),
        (R, "text <- '\n%%sql\n'", None),
    ],
)
def test_a_magic_that_is_not_first_is_said(language, cell, late):
    from hopyard.notebook.kernels.parser import Parser

    runs = f"%%_do_not_call_misplaced {late}\n " if late else f"%%spark\n{cell}"
    assert Parser(language).get_code_to_run(cell) == runs


@pytest.mark.parametrize(
    ("cell", "cursor", "place", "offset"),
    [
        ("spark.ra", 8, "driver", 0),
        ("%%sql\nselect ", 13, "sql", 6),
        ("%%sql\nselect ", 3, "magic", 0),
        ("\n%%local\nx", 10, "local", 9),
        ("%%spark -o x\nx = 1", 15, "driver", 13),
        ("%%time\nx", 8, "driver", 0),
        ("%%se", 4, "magic", 0),
        (" \ufeff%%sql\nselect ", 15, "sql", 8),
        ("%%sql -o x select ", 18, "sql", 11),
        ("%%sql -o x select ", 8, "magic", 0),
    ],
)
def test_parser_says_where_the_cursor_is(cell, cursor, place, offset):
    from hopyard.notebook.kernels.parser import part_at

    part = part_at(cell, cursor)
    assert (part.place.value, part.offset) == (place, offset)


def test_a_fault_of_a_magic_is_a_sentence():
    from hopyard.notebook.kernels.errors import Interrupted, LivyError, guarded

    def fails(error):
        raise error

    with pytest.raises(LivyError, match=r"This magic failed \(KeyError: 'x'\)") as raised:
        guarded(fails)(KeyError("x"))
    assert len(raised.value._render_traceback_()) == 1
    with pytest.raises(Interrupted) as stopped:
        guarded(fails)(KeyboardInterrupt())
    assert stopped.value._render_traceback_() == ["Interrupted."]
    said = LivyError("a sentence")
    with pytest.raises(LivyError) as raised:
        guarded(fails)(said)
    assert raised.value is said
