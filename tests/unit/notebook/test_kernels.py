"""The parts of the PySpark kernel that need no server."""

import json
import sys

import pytest

from hopyard.notebook.kernels import sparkmagic as parts


@pytest.fixture(scope="module", autouse=True)
def kernel_modules():
    """Load sparkmagic as the kernel does, and forget it: it leaves late modules behind."""
    before = set(sys.modules)
    parts.load()
    parts.configure({})
    yield
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("sparkmagic", "hdijupyterutils"):
            del sys.modules[name]


def test_application_is_called_after_project_and_notebook():
    environment = {"HOPYARD_PROJECT": "demo", "JPY_SESSION_NAME": "/project/Jupyter/My book.ipynb"}
    assert parts.application_name(environment) == "demo: My book"
    assert parts.application_name({}) == "PySpark"


def test_own_application_name_wins():
    conf = {"spark.app.name": "mine", "spark.x": "1"}
    environment = {"HOPYARD_SESSION_CONF": json.dumps({"driverMemory": "2g", "conf": conf})}
    assert parts.session_request(environment) == {"driverMemory": "2g", "conf": conf}


def test_token_is_read_when_used_and_never_shown(monkeypatch):
    import requests

    from hopyard.notebook.kernels.livy import HubToken

    auth = HubToken()
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "very-secret")
    request = auth(requests.Request("GET", "http://127.0.0.1/").prepare())
    assert request.headers["Authorization"] == "Bearer very-secret"
    assert "very-secret" not in repr(auth) + str(vars(auth))


def test_rows_keep_names_types_and_nulls():
    from hopyard.notebook.kernels.tables import frame

    header = {"columns": [["a", "int"], ["a", "string"], ["n", "string"], ["d", "date"]]}
    rows = [
        {"0": 1, "1": "01", "2": None, "3": "2024-01-02"},
        {"0": 2, "1": "x", "2": None, "3": None},
    ]
    table = frame([json.dumps(line) for line in (header, *rows)])
    assert list(table.columns) == ["a", "a", "n", "d"]
    assert table.iloc[:, 1].tolist() == ["01", "x"]
    assert str(table.dtypes.iloc[3]).startswith("datetime64")
    assert table["n"].isna().all()


def test_empty_result_keeps_its_columns():
    from hopyard.notebook.kernels.tables import frame

    table = frame(['{"columns": [["a", "int"]]}'])
    assert list(table.columns) == ["a"]
    assert len(table) == 0


def test_failed_statement_has_the_drivers_name_and_traceback():
    from hopyard.notebook.kernels.livy import StatementError

    error = StatementError.of(
        {"ename": "ValueError", "evalue": "bad", "traceback": ["one\n", "two\n"]}
    )
    assert type(error).__name__ == "ValueError"
    assert str(error) == "bad"
    assert error._render_traceback_() == ["one", "two"]


@pytest.mark.parametrize(
    ("cell", "runs"),
    [
        ("1+1", "%%spark\n1+1"),
        ("%%local\n  x = 1", "  x = 1"),
        ("%local x", "x"),
        ("\n%%sql\nselect 1", "%%sql\nselect 1"),
        ("%%info", "%%info\n "),
        ("", ""),
    ],
)
def test_parser_says_where_a_cell_runs(cell, runs):
    from hopyard.notebook.kernels.parser import Parser

    assert Parser().get_code_to_run(cell) == runs
