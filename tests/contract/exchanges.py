"""Livy's REST protocol as a table: requests, and what must be answered.

Recorded from a real Apache Livy (1.0.0-SNAPSHOT of June 2026 on Spark 3.5), 77 requests, then made
to patterns; what stands in its documentation and was not recorded comes after. Where Apache Livy is
plainly wrong, `better` says what is answered here instead and `apache` what it answers: that is
accepted of other servers, not of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.contract.patterns import ANY, INT, NUMBER, WORDS, Each, Either, Has, Of, Text

STARTING = Either("starting", "not_started", "idle", "busy")
SAID = {"msg": WORDS}
NULL_OR_TEXT = Either(None, WORDS)


@dataclass(frozen=True)
class Answer:
    """What comes back."""

    status: int
    body: Any = ANY
    location: str | None = None
    """A regular expression."""


@dataclass(frozen=True)
class Exchange:
    """A request and its answer; `{id}` in a path is the session of the conversation."""

    request: str
    answer: Answer
    body: str | None = None
    better: str = ""
    """Why Apache Livy's own answer is not good enough."""
    apache: Answer | None = None
    content_type: str | None = "application/json"
    accept: str = "*/*"
    patience: float = 0
    """Seconds for which it may be asked again: the first completion loads the completer."""


@dataclass(frozen=True)
class Run:
    """A statement, and the output that it has when it is done."""

    code: str
    output: Any
    kind: str | None = None
    better: str = ""
    apache: Any = field(default=None)


def session(**said: Any) -> dict[str, Any]:
    """Return the pattern of a session: Livy's keys in their order, with these values."""
    return {
        "id": INT,
        "name": None,
        "appId": NULL_OR_TEXT,
        "owner": NULL_OR_TEXT,
        "proxyUser": None,
        "state": STARTING,
        "kind": WORDS,
        "appInfo": dict.fromkeys(("driverLogUrl", "sparkUiUrl", "executorLogUrls"), NULL_OR_TEXT),
        "log": Each(Of(str)),
        "ttl": None,
        "idleTimeout": None,
        "driverMemory": None,
        "driverCores": 0,
        "executorMemory": None,
        "executorCores": 0,
        "conf": {},
        "archives": [],
        "files": [],
        "heartbeatTimeoutInSecond": 0,
        "jars": [],
        "numExecutors": 0,
        "pyFiles": [],
        "queue": None,
    } | said


def ok(**data: Any) -> dict[str, Any]:
    """Return the pattern of a good output; `text_plain` stands for `text/plain`."""
    names = {
        "text": "text/plain",
        "json": "application/json",
        "table": "application/vnd.livy.table.v1+json",
    }
    shown = {names[name]: value for name, value in data.items()}
    return {"status": "ok", "execution_count": INT, "data": shown}


def error(evalue: str, ename: str = r"\S", *lines: str) -> dict[str, Any]:
    """Return the pattern of a failed output: regular expressions."""
    return {
        "status": "error",
        "execution_count": INT,
        "ename": Text(ename),
        "evalue": Text(evalue),
        "traceback": list(lines) if lines else Each(Of(str)),
    }


def table(*fields: tuple[str, Any], data: list[Any]) -> dict[str, Any]:
    """Return the pattern of an SQL result."""
    shown = [
        {"name": name, "type": kind, "nullable": ANY, "metadata": ANY} for name, kind in fields
    ]
    return ok(json={"schema": {"type": "struct", "fields": shown}, "data": data})


MISSING = Answer(404, {"msg": "Session '99999' not found."})
DOWN = "an exception with its stack trace is no answer"

BEFORE = [
    Exchange(
        "GET /version",
        Answer(
            200,
            {
                **dict.fromkeys(("url", "branch", "revision", "date", "user"), Of(str)),
                "version": Text(r"^\d+\.\d+\.\d+\S*$"),
            },
        ),
    ),
    Exchange("GET /sessions", Answer(200, {"from": 0, "total": INT, "sessions": Of(list)})),
    Exchange("GET /sessions", Answer(200, {"from": 0}), accept="application/vnd.livy.v0.1+json"),
    Exchange("GET /sessions", Answer(406), accept="application/vnd.livy.v99+json"),
    Exchange(
        "GET /sessions?doAs=somebody",
        Answer(403, SAID),
        better="nobody is somebody else by asking for it",
        apache=Answer(200, {"from": 0}),
    ),
    Exchange("GET /sessions/99999", MISSING),
    Exchange("GET /sessions/abc", Answer(404, {"msg": "Session 'abc' not found."})),
    Exchange("GET /sessions/99999/state", MISSING),
    Exchange("GET /sessions/99999/log", MISSING),
    Exchange("GET /sessions/99999/statements", MISSING),
    Exchange("GET /sessions/99999/statements/0", MISSING),
    Exchange("POST /sessions/99999/statements", MISSING, '{"code": "1"}'),
    Exchange("DELETE /sessions/99999", MISSING),
    Exchange("POST /sessions/99999/statements/0/cancel", MISSING),
    Exchange(
        "POST /sessions/99999/completion",
        MISSING,
        '{"code": "pri", "kind": "pyspark", "cursor": 3}',
    ),
    *(
        Exchange(
            "POST /sessions",
            Answer(400, SAID),
            body,
            better='errors are always {"msg": …}',
            apache=Answer(400, WORDS),
        )
        for body in (
            "{bad json",
            "",
            "[]",
            '{"kind": "cobol"}',
            '{"kind": "pyspark", "nosuchfield": 1}',
        )
    ),
    Exchange(
        "POST /sessions",
        Answer(400, {"msg": Text("driverMemory")}),
        '{"kind": "pyspark", "driverMemory": "lots"}',
        better="a session that cannot start is refused at once",
        apache=Answer(201, session(driverMemory="lots", kind="pyspark")),
    ),
    Exchange(
        "POST /sessions",
        Answer(201, session(kind="pyspark", conf={"spark.master": "local[1]"}), r"/sessions/\d+$"),
        '{"kind": "pyspark", "conf": {"spark.master": "local[1]"}}',
    ),
    Exchange(
        "POST /sessions",
        Answer(400, {"msg": Text("numExecutors")}),
        '{"kind": "pyspark", "numExecutors": "x"}',
        better=DOWN,
        apache=Answer(500, WORDS),
    ),
    Exchange(
        "POST /sessions",
        Answer(
            400,
            {
                "msg": "Rejected, Reason: requirement failed: "
                "Local path /etc/passwd cannot be added to user sessions."
            },
        ),
        '{"kind": "pyspark", "jars": ["/etc/passwd"]}',
    ),
    *(
        Exchange(
            f"POST {path}",
            Answer(201, session(kind="pyspark"), r"/sessions/\d+$"),
            '{"kind": "pyspark"}',
            content_type=None,
        )
        for path in ("/sessions", "/sessions/")
    ),
    Exchange("GET /sessions/", Answer(200, {"from": 0})),
]
"""What needs no session; those that make one are deleted again."""

CREATE = Exchange(
    "POST /sessions",
    Answer(201, session(kind="sql", name="n1"), r"/sessions/\d+$"),
    '{"kind": "sql", "name": "n1"}',
)

WHILE_STARTING = [
    Exchange(
        "POST /sessions",
        Answer(400, {"msg": Text(r"^Rejected, Reason: Duplicate session name: .*n1")}),
        '{"kind": "sql", "name": "n1"}',
    ),
    Exchange("GET /sessions/{id}", Answer(200, session(kind="sql", name="n1"))),
    Exchange(
        "POST /sessions/{id}/statements",
        Answer(201, {"id": 0, "state": "waiting", "output": None}, r"/sessions/\d+/statements/0$"),
        '{"code": "select 1"}',
        better="what comes before the session is ready waits for it",
        apache=Answer(500, Text("Session is in state starting")),
    ),
]

_EVERYTHING = (
    "SELECT 1 AS a, 'x' AS b, cast(1.5 as double) c, null d, true e, date'2020-01-02' f, "
    "timestamp'2020-01-02 03:04:05' g, cast(1.20 as decimal(10,2)) h, array(1,2) i, map('k',1) j, "
    "struct(1 as p,'q' as q) k, X'01ff' l"
)
_FIELDS = [
    ("a", "integer"),
    ("b", "string"),
    ("c", "double"),
    ("d", "void"),
    ("e", "boolean"),
    ("f", "date"),
    ("g", "timestamp"),
    ("h", "decimal(10,2)"),
    ("i", {"type": "array", "elementType": "integer"}),
    ("j", {"type": "map", "keyType": "string", "valueType": "integer"}),
    ("k", {"type": "struct", "fields": [{"name": "p"}, {"name": "q"}]}),
    ("l", "binary"),
]
_MOMENT = Text("^2020-01-02T03:04:05")
_VALUES = [1, "x", 1.5, None, True, "2020-01-02", _MOMENT, 1.2, [1, 2], {"k": 1}]

RUNS = [
    Run(
        _EVERYTHING,
        table(*_FIELDS, data=[[*_VALUES, {"p": 1, "q": "q"}, "Af8="]]),
        better="structs are objects, binary is base64",
        apache=table(*_FIELDS, data=[[*_VALUES, {"schema": ANY, "values": [1, "q"]}, [1, -1]]]),
    ),
    Run("SELECT * FROM no_such_table", error("TABLE_OR_VIEW_NOT_FOUND")),
    Run("SELEC 1", error("PARSE_SYNTAX_ERROR")),
    Run(
        "SELECT 1/0",
        # Spark 4 reads SQL by the standard, Spark 3 gave null.
        Either(error("DIVIDE_BY_ZERO"), table(("(1 / 0)", "double"), data=[[None]])),
    ),
    Run("CREATE OR REPLACE TEMP VIEW v AS SELECT 1 AS a", table(data=[])),
    Run(
        "SHOW TABLES",
        table(
            ("namespace", "string"),
            ("tableName", "string"),
            ("isTemporary", "boolean"),
            data=Has(["", "v", True]),  # type: ignore[arg-type]
        ),
    ),
    Run("", error(r"\[PARSE_")),
    Run("1+1", ok(text="2"), "pyspark"),
    Run(
        "1/0",
        {
            **error("^division by zero$", "^ZeroDivisionError$"),
            "traceback": Has("ZeroDivisionError: division by zero\n"),
        },
        "pyspark",
    ),
    Run("import sys; print('out'); print('err',file=sys.stderr)", ok(text="out\nerr"), "pyspark"),
    Run("None", ok(text=""), "pyspark"),
    Run(
        "x=[{'a':1,'b':'q'}]\n%table x",
        ok(
            table={
                "headers": [
                    {"name": "a", "type": "INT_TYPE"},
                    {"name": "b", "type": "STRING_TYPE"},
                ],
                "data": [[1, "q"]],
            }
        ),
        "pyspark",
    ),
    Run("x={'a':[1]}\n%json x", ok(json={"a": [1]}), "pyspark"),
    Run("%json [1, 2]", ok(json=[1, 2]), "pyspark", "a literal works", error("")),
    Run(
        "spark.range(2).show()",
        ok(text="+---+\n| id|\n+---+\n|  0|\n|  1|\n+---+"),
        "pyspark",
    ),
    Run("spark.table('v').count()", ok(text="1"), "pyspark"),
    Run("val x = 1 + 1", ok(text=Text(r"^(val )?x: Int = 2\n?$")), "spark"),
    Run("1/0", error(r"ArithmeticException: / by zero"), "spark"),
    Run("nosuch", error(r"not found: value nosuch"), "spark"),
    Run(
        "1+1",
        ok(text=Text(r"^\[1\] 2\n?$")),
        "sparkr",
        "the recorded server had no R",
        error("Fail to start interpreter", "InterpreterError"),
    ),
]

AFTER = [
    Exchange("GET /sessions/{id}", Answer(200, session(kind="sql", name="n1", state="idle"))),
    Exchange("GET /sessions/n1", Answer(200, session(kind="sql", name="n1", state="idle"))),
    Exchange("GET /sessions/{id}/state", Answer(200, {"id": INT, "state": "idle"})),
    Exchange(
        "GET /sessions?from=0&size=1", Answer(200, {"from": 0, "total": INT, "sessions": [ANY]})
    ),
    Exchange("GET /sessions?from=1000", Answer(200, {"from": 1000, "total": INT, "sessions": []})),
    Exchange("GET /sessions?size=x", Answer(400, SAID)),
    Exchange(
        "GET /sessions/{id}/log?from=0&size=2",
        Answer(200, {"id": INT, "from": 0, "total": INT, "log": [Of(str), Of(str)]}),
    ),
    Exchange(
        "GET /sessions/{id}/log?size=1",
        Answer(200, {"id": INT, "from": INT, "total": INT, "log": [Of(str)]}),
    ),
    Exchange(
        "GET /sessions/{id}/log?from=-1&size=-1",
        Answer(200, {"id": INT, "from": 0, "total": INT, "log": Each(Of(str), 3)}),
    ),
    Exchange(
        "POST /sessions/{id}/statements",
        Answer(400, {"msg": Text("Invalid kind: cobol")}),
        '{"code": "1", "kind": "cobol"}',
        better=DOWN,
        apache=Answer(500, Text("Invalid kind: cobol")),
    ),
    Exchange(
        "POST /sessions/{id}/statements",
        Answer(400, SAID),
        "{bad json",
        better='errors are always {"msg": …}',
        apache=Answer(400, WORDS),
    ),
    Exchange(
        "POST /sessions/{id}/statements",
        Answer(400, {"msg": Text("code")}),
        "{}",
        better=DOWN,
        apache=Answer(500),
    ),
    Exchange(
        "GET /sessions/{id}/statements/9999",
        Answer(404, {"msg": "Statement not found"}),
        better='errors are always {"msg": …}',
        apache=Answer(404, "Statement not found"),
    ),
    Exchange("GET /sessions/{id}/statements/abc", Answer(400, {"msg": 'For input string: "abc"'})),
    Exchange(
        "POST /sessions/{id}/statements/9999/cancel",
        Answer(404, {"msg": "Statement not found"}),
        better="what is not there cannot be cancelled",
        apache=Answer(200, {"msg": "canceled"}),
    ),
    Exchange("POST /sessions/{id}/statements/1/cancel", Answer(200, {"msg": "canceled"})),
    Exchange(
        "GET /sessions/{id}/statements?from=0&size=1",
        Answer(200, {"total_statements": INT, "statements": [{"id": 0}]}),
    ),
    Exchange(
        "GET /sessions/{id}/statements?from=1&size=2",
        Answer(200, {"total_statements": INT, "statements": [{"id": 1}, {"id": 2}]}),
    ),
    Exchange(
        "GET /sessions/{id}/statements?order=DESC&from=1&size=1",
        Answer(200, {"total_statements": INT, "statements": [{"id": len(RUNS) - 1}]}),
    ),
    Exchange(
        "POST /sessions/{id}/completion",
        Answer(200, {"candidates": Has("print")}),
        '{"code": "pri", "kind": "pyspark", "cursor": 3}',
        better="there are candidates",
        patience=90,
        apache=Answer(200, {"candidates": []}),
    ),
    Exchange("POST /sessions/{id}/connect", Answer(200, session(kind="sql", name="n1"))),
    Exchange(
        "POST /sessions/{id}/submit-job",
        Answer(400, {"msg": "requirement failed: no job provided."}),
        "{}",
    ),
    Exchange("POST /sessions/{id}/upload-jar", Answer(400, {"msg": "No jar sent!"})),
    Exchange(
        "GET /sessions/{id}/jobs/999", Answer(404, SAID), better=DOWN, apache=Answer(500, WORDS)
    ),
    Exchange("GET /batches", Answer(200, {"from": 0, "total": INT, "sessions": Of(list)})),
    Exchange("GET /batches/77", Answer(404, {"msg": "Session '77' not found."})),
    Exchange(
        "POST /batches",
        Answer(400, {"msg": "Rejected, Reason: requirement failed: File is required."}),
        "{}",
    ),
    Exchange("GET /", Answer(302, ANY, r"/(ui|sessions)/?$|^(ui|sessions)$")),
    Exchange("GET /metrics", Answer(200)),
]

END = [
    Exchange("DELETE /sessions/{id}", Answer(200, {"msg": "deleted"})),
    Exchange("GET /sessions/{id}", Answer(404, {"msg": Text("^Session '.*' not found.$")})),
    Exchange("DELETE /sessions/{id}", Answer(404, {"msg": Text("^Session '.*' not found.$")})),
]

STATEMENT = {
    "id": INT,
    "code": Of(str),
    "state": Of(str),
    "output": ANY,
    "progress": NUMBER,
    "started": INT,
    "completed": INT,
}
