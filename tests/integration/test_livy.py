"""The Livy server with one real driver: what a client does in a session's life."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import httpx
import psutil
import pytest

from tests.integration.livy import Livy, config_of_next_driver, temp_livy, until, words_of


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with temp_livy(tmp_path_factory.mktemp("livy")) as server:
        yield server


@pytest.fixture(scope="module")
def made(livy: Livy) -> tuple[int, str]:
    """The session, and its driver's secret: read from the file that the driver deletes."""
    body = {"name": "main", "driverMemory": "1g", "conf": {"spark.sql.shuffle.partitions": 3}}
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(config_of_next_driver, livy.data)
        session = livy.ready(**body)
        return session, looking.result(10)["secret"]


@pytest.fixture(scope="module")
def session(made: tuple[int, str]) -> int:
    return made[0]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("1+1", "2"),
        ("print('out'); 2", "out\n2"),
        ("import sys; print('out'); print('err',file=sys.stderr)", "out\nerr"),
        ("None", ""),
        ("spark.range(10).count()", "10"),
        ("spark.range(2).show()", "+---+\n| id|\n+---+\n|  0|\n|  1|\n+---+"),
        ("spark.conf.get('spark.sql.shuffle.partitions')", "'3'"),
        ("spark.conf.get('spark.driver.memory')", "'1g'"),
        ("spark.sparkContext.appName", "'main'"),
    ],
)
def test_statement_output_is_as_livys(livy: Livy, session: int, code: str, text: str) -> None:
    output = livy.run(session, code)
    assert (output["status"], output["data"]) == ("ok", {"text/plain": text})


def test_others_cannot_read_what_spark_writes(livy: Livy, session: int) -> None:
    livy.run(session, "spark.range(2).write.csv('/project/Resources/written')")
    written = livy.data / "projects" / "standalone" / "Resources" / "written"
    assert {stat.S_IMODE(one.stat().st_mode) for one in written.iterdir()} == {0o660}
    assert stat.S_IMODE(written.stat().st_mode) == 0o770


def test_json_lines_are_free_of_warnings(livy: Livy, session: int) -> None:
    code = (
        "import warnings; warnings.warn('noise')\n"
        'for row in spark.sql("SELECT 1 AS a").toJSON(use_unicode=True).take(2): print(row)'
    )
    assert livy.run(session, code)["data"] == {"text/plain": '{"a":1}'}


def test_error_has_pythons_traceback(livy: Livy, session: int) -> None:
    output = livy.run(session, "print('before')\n1/0")
    assert output["status"] == "error"
    assert (output["ename"], output["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert output["traceback"][-1] == "ZeroDivisionError: division by zero\n"
    assert output["data"] == {"text/plain": "before"}


def test_sql_gives_schema_and_data(livy: Livy, session: int) -> None:
    output = livy.run(session, "SELECT 1 AS a, 'x' AS b", kind="sql")
    shown = output["data"]["application/json"]
    assert [field["name"] for field in shown["schema"]["fields"]] == ["a", "b"]
    assert shown["data"] == [[1, "x"]]


def test_decimals_are_numbers_with_all_digits(livy: Livy, session: int) -> None:
    digits = "12345678901234567890.0123456789"
    code = f"SELECT {digits}BD AS a, array(-{digits}BD) AS b, map('k', 1.20BD) AS c"
    statement = livy.submit(session, code, kind="sql")
    livy.done(session, statement)
    one = f"/sessions/{session}/statements/{statement}"
    for path in (one, f"/sessions/{session}/statements?from={statement}"):
        text = livy.http.get(path).text
        assert f'"data":[[{digits},[-{digits}],{{"k":1.2}}]]' in text
    assert f"[[{digits},[-{digits}]" in livy.http.get(f"{one}/events").text


def test_text_that_looks_like_such_a_number_stays_text(livy: Livy, session: int) -> None:
    mark = "\ufdd0"
    text = f"{mark}12{mark}"
    codes = {
        "pyspark": f"from IPython.display import JSON, display\n# {text}\nprint('{text}')\n"
        f"display(JSON({{'{text}': ['{text}', '{mark}12']}}))",
        "sql": f"SELECT '{text}' AS `{text}`, '{mark}12' AS b, map('{text}', '{text}') AS c, "
        "12345678901234567890.5BD AS d",
    }
    row = [text, f"{mark}12", {text: text}, Decimal("12345678901234567890.5")]
    for kind, code in codes.items():
        statement = livy.submit(session, code, kind=kind)
        livy.done(session, statement)
        one = f"/sessions/{session}/statements/{statement}"
        shown = json.loads(livy.http.get(one).text, parse_float=Decimal)
        assert shown["code"] == code
        data = shown["output"]["data"]
        if kind == "sql":
            assert data["application/json"]["data"] == [row]
            assert data["application/json"]["schema"]["fields"][0]["name"] == text
        else:
            assert data["text/plain"].startswith(text)
        listed = livy.http.get(f"/sessions/{session}/statements?from={statement}").text
        assert json.loads(listed, parse_float=Decimal)["statements"] == [shown]
        frames = livy.http.get(f"{one}/events").text.split("data: ")[1:]
        seen = [json.loads(frame.split("\n")[0], parse_float=Decimal) for frame in frames]
        if kind == "sql":
            tables = [one["data"]["application/json"] for one in seen if one.get("data")]
            assert tables == [data["application/json"]]
        else:
            bundles = [one["data"] for one in seen if "application/json" in (one.get("data") or {})]
            assert [one["application/json"] for one in bundles] == [{text: [text, f"{mark}12"]}]


def test_running_statement_shows_its_output_so_far(livy: Livy, session: int) -> None:
    number = livy.submit(session, "import time\nprint('first', flush=True)\ntime.sleep(60)")
    until(lambda: livy.statement(session, number)["output"], 20, "output while it runs")
    assert livy.statement(session, number)["output"]["data"] == {"text/plain": "first\n"}
    assert livy.session(session)["state"] == "busy"
    begun = time.monotonic()
    answer = livy.http.post(f"/sessions/{session}/statements/{number}/cancel")
    assert (answer.status_code, answer.json()) == (200, {"msg": "canceled"})
    stopped = livy.done(session, number)
    assert (stopped["state"], stopped["progress"]) == ("cancelled", 1.0)
    assert time.monotonic() - begun < 3, "cancel must stop the code (aim: 1 s)"
    assert livy.session(session)["state"] == "idle"
    assert livy.run(session, "'goes on'")["data"] == {"text/plain": "'goes on'"}


def test_waiting_statement_is_cancelled_and_never_runs(livy: Livy, session: int) -> None:
    first = livy.submit(session, "import time; time.sleep(60)")
    second = livy.submit(session, "ran = True")
    livy.http.post(f"/sessions/{session}/statements/{second}/cancel")
    never_ran = livy.statement(session, second)
    assert (never_ran["state"], never_ran["progress"]) == ("cancelled", 1.0)
    assert livy.http.post(f"/sessions/{session}/interrupt").json() == {"msg": "interrupted"}
    livy.done(session, first)
    assert livy.run(session, "'ran' in dir()")["data"] == {"text/plain": "False"}


def test_output_that_is_too_large_is_cut_and_says_so(livy: Livy, session: int) -> None:
    output = livy.run(session, "for _ in range(300): print(('x' * 99 + '\\n') * 1000, end='')")
    text = output["data"]["text/plain"]
    assert 9_900_000 < len(text) < 10_100_000
    assert "[output cut here: a statement may write 10,000,000 characters" in text[-200:]
    assert livy.run(session, "'goes on'")["data"] == {"text/plain": "'goes on'"}


def test_hold_ends_with_the_result(livy: Livy, session: int) -> None:
    number = livy.submit(session, "import time; time.sleep(0.3)")
    begun = time.monotonic()
    assert livy.statement(session, number, wait=60)["state"] == "available" or (
        time.monotonic() - begun >= 0.4
    )
    assert time.monotonic() - begun < 20


def test_events_are_numbered_and_resume(livy: Livy, session: int) -> None:
    number = livy.submit(session, "print('one')")
    livy.done(session, number)
    address = f"/sessions/{session}/statements/{number}/events"
    text = livy.http.get(address).text
    kinds = [line[7:] for line in text.splitlines() if line.startswith("event: ")]
    assert kinds == ["state", "stream", "result", "state"]
    rest = livy.http.get(address, headers={"Last-Event-ID": "2"}).text
    assert [line for line in rest.splitlines() if line.startswith("id: ")] == ["id: 3", "id: 4"]


def test_post_goes_on_with_the_events_if_asked(livy: Livy, session: int) -> None:
    address = f"/sessions/{session}/statements"
    headers = {"Accept": "text/event-stream"}
    answer = livy.http.post(address, json={"code": "print(7)\n40 + 2"}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"][:17]) == (201, "text/event-stream")
    kinds = [line[7:] for line in answer.text.splitlines() if line.startswith("event: ")]
    assert kinds == ["state", "stream", "result", "state"]
    number = answer.headers["location"].rpartition("/")[2]
    assert livy.http.get(f"{address}/{number}/events").text == answer.text
    assert livy.http.post(address, json={"kind": "nosuch"}, headers=headers).status_code == 400


def test_list_is_paged(livy: Livy, session: int) -> None:
    address = f"/sessions/{session}/statements"
    page = livy.http.get(address, params={"from": 1, "size": 2}).json()
    assert [one["id"] for one in page["statements"]] == [1, 2]
    last = page["total_statements"] - 1
    page = livy.http.get(address, params={"size": 1, "order": "desc"}).json()
    assert [one["id"] for one in page["statements"]] == [last]


def test_completion_and_inspection(livy: Livy, session: int) -> None:
    # The first completion of a kernel loads its completer.
    body = {"code": "pri", "kind": "pyspark", "cursor": 3}
    address = f"/sessions/{session}/completion"
    until(
        lambda: "print" in livy.http.post(address, json=body).json()["candidates"],
        90,
        "print is a candidate",
    )
    found = livy.http.post(f"/sessions/{session}/inspect", json={**body, "code": "print"}).json()
    assert "Prints the values" in found["data"]["text/plain"]


def test_spark_ui_works_through_the_server_only(livy: Livy, session: int) -> None:
    answer = livy.http.get(f"/sessions/{session}/ui/")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"/sessions/{session}/ui/jobs/"
    page = livy.http.get(answer.headers["location"])
    assert page.status_code == 200
    links = [part.split('"')[0] for part in page.text.split('href="')[1:]]
    own = [link for link in links if link.startswith("/")]
    assert own
    assert all(link.startswith(f"/sessions/{session}/ui/") for link in own)
    style = next(link for link in own if link.endswith(".css"))
    assert livy.http.get(style).headers["content-type"].startswith("text/css")
    address = livy.run(session, "spark.sparkContext.uiWebUrl")["data"]["text/plain"].strip("'")
    assert httpx.get(f"{address}/jobs/", trust_env=False).status_code in (401, 403)


def test_log_is_the_tail_by_default(livy: Livy, session: int) -> None:
    address = f"/sessions/{session}/log"
    everything = livy.http.get(address, params={"from": 0, "size": 10000}).json()
    tail = livy.http.get(address, params={"size": 2}).json()
    assert tail["log"] == everything["log"][-2:]
    assert tail["from"] == everything["total"] - 2


def test_secrets_are_in_no_command_line_and_not_shown(livy: Livy, session: int) -> None:
    shown = livy.http.get(f"/sessions/{session}").json()
    assert shown["conf"] == {"spark.sql.shuffle.partitions": "3"}
    processes = livy.drivers(session)
    assert processes
    assert not any("secretKey" in word for one in processes for word in words_of(one))


def test_drivers_secret_is_nowhere_to_be_read(livy: Livy, made: tuple[int, str]) -> None:
    session, text = made
    assert len(text) > 40
    secret = text.encode()
    for process in psutil.process_iter():
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):  # it ended
                assert secret not in Path(f"/proc/{process.pid}/{name}").read_bytes()
    files = [one for one in livy.data.rglob("*") if one.is_file() and not one.is_symlink()]
    assert any(one.suffix == ".sqlite" for one in files)
    assert [one for one in files if secret in one.read_bytes()] == []
    assert text not in livy.log(session)
    assert text not in livy.http.get(f"/sessions/{session}").text


def test_driver_cannot_reach_what_is_the_platforms(livy: Livy, session: int) -> None:
    code = f"""\
from pathlib import Path
def reads(path):
    try:
        return bool(Path(path).read_bytes() if Path(path).is_file() else list(Path(path).iterdir()))
    except OSError:
        return False
data = Path({str(livy.data)!r})
own = {{part for part in Path("/proc").iterdir() if part.name.isdigit()}}
seen = [str(one) for one in (data, data / "hopyard.sqlite", data / "run" / "livy.key",
        data / "logs", data / "run" / "drivers") if reads(one)]
seen += [str(one) for one in own if str(data / "livy.log") in (one / "cmdline").read_text()]
Path("/project/out").unlink(missing_ok=True)
Path("/project/out").symlink_to(data / "hopyard.sqlite")
seen, reads("/project/out"), len(own) < 12, reads("/proc/1/root{livy.data}")
"""
    shown = livy.run(session, code)["data"]["text/plain"]
    assert shown == "([], False, True, False)"
    # A link that leads out of the project leads to nothing, also for Spark.
    output = livy.run(session, "spark.sparkContext.addFile('/project/out')")
    assert output["status"] == "error"


def test_driver_sees_its_project_and_nothing_of_the_platform(livy: Livy, session: int) -> None:
    code = f"import os; os.path.exists('{livy.data}'), os.getcwd()"
    assert livy.run(session, code)["data"]["text/plain"] == "(False, '/project/Jupyter')"


def test_status_page_shows_statements(livy: Livy, session: int) -> None:
    number = livy.submit(session, "print('<b>shown</b>')\n6 * 7")
    livy.done(session, number)
    page = livy.http.get(f"/ui/sessions/{session}").text
    assert "&lt;b&gt;shown&lt;/b&gt;" in page
    assert "<b>shown" not in page
    assert f"statement {number} begins" in page
    assert livy.http.get("/", follow_redirects=True).status_code == 200


def test_head_without_end_is_refused(livy: Livy) -> None:
    with socket.create_connection(("127.0.0.1", livy.port), timeout=20) as wire:
        wire.sendall(b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ")
        sent, answer = 0, b""
        # The server may close before its answer was read: that is a refusal as well.
        with suppress(ConnectionError):
            while sent < 10_000_000 and not select.select([wire], [], [], 0)[0]:
                sent += wire.send(b"x" * 65536)
            answer = wire.recv(1000)
        assert sent < 10_000_000 and (not answer or answer.startswith(b"HTTP/1.1 400"))
    assert livy.http.get("/ping").text == "pong"


def test_large_body_is_refused(livy: Livy, session: int) -> None:
    code = "#" * 16_000_001
    answer = livy.http.post(f"/sessions/{session}/statements", json={"code": code})
    assert (answer.status_code, answer.json()["msg"][:11]) == (413, "The body of")


def test_request_number_goes_from_http_to_the_drivers_log(livy: Livy, session: int) -> None:
    answer = livy.http.post(
        f"/sessions/{session}/statements",
        json={"code": "'followed'"},
        headers={"X-Request-ID": "follow-me-7"},
    )
    assert answer.headers["x-request-id"] == "follow-me-7"
    number = answer.json()["id"]
    livy.done(session, number)
    until(lambda: f"statement {number} begins (request follow-me-7)" in livy.log(session), 20, "it")
    assert "request='follow-me-7'" in (livy.data / "livy.log").read_text()


def test_metrics_show_what_happened(livy: Livy, session: int) -> None:
    livy.run(session, "1")
    lines = livy.http.get("/metrics").text.splitlines()
    figures = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(figures['livy_sessions{state="idle"}']) == 1
    assert float(figures["livy_session_start_seconds_count"]) == 1
    assert float(figures['livy_statement_seconds_count{kind="pyspark"}']) > 1
    assert float(figures["livy_ledger_write_seconds_count"]) > 1
    assert float(figures["livy_drivers_connected"]) == 1
    assert 'livy_statements{state="waiting"}' in figures
    assert "livy_driver_reconnects_total" in figures


BAD = [
    ("GET", "/sessions/99999", None, 404, "Session '99999' not found."),
    ("GET", "/sessions/abc", None, 404, "Session 'abc' not found."),
    ("GET", "/sessions/99999/state", None, 404, "Session '99999' not found."),
    ("GET", "/sessions/99999/log", None, 404, "Session '99999' not found."),
    ("GET", "/sessions/99999/statements", None, 404, "Session '99999' not found."),
    ("GET", "/sessions/99999/statements/0", None, 404, "Session '99999' not found."),
    ("POST", "/sessions/99999/statements", '{"code": "1"}', 404, "Session '99999' not found."),
    ("DELETE", "/sessions/99999", None, 404, "Session '99999' not found."),
    ("POST", "/sessions/99999/statements/0/cancel", None, 404, "Session '99999' not found."),
    ("POST", "/sessions/99999/completion", '{"code": "p"}', 404, "Session '99999' not found."),
    ("POST", "/sessions", "{bad json", 400, None),
    ("POST", "/sessions", "", 400, "No content to map due to end-of-input"),
    ("POST", "/sessions", "[]", 400, None),
    ("POST", "/sessions", '{"kind": "cobol"}', 400, None),
    ("POST", "/sessions", '{"kind": "pyspark", "nosuchfield": 1}', 400, None),
    ("POST", "/sessions", '{"kind": "pyspark", "driverMemory": "lots"}', 400, None),
    ("POST", "/sessions", '{"kind": "pyspark", "numExecutors": "x"}', 400, None),
    (
        "POST",
        "/sessions",
        '{"kind": "pyspark", "jars": ["/etc/passwd"]}',
        400,
        "Rejected, Reason: requirement failed: "
        "Local path /etc/passwd cannot be added to user sessions.",
    ),
    ("POST", "/sessions", '{"kind": "sql", "name": "main"}', 400, None),
    ("POST", "/sessions", '{"conf": {"spark.ui.filters": "x"}}', 400, None),
    ("POST", "/sessions/main/statements", '{"code": "1", "kind": "cobol"}', 400, None),
    ("POST", "/sessions/main/statements", "{}", 400, 'Field "code" is missing.'),
    ("POST", "/sessions/main/statements", "{bad json", 400, None),
    ("GET", "/sessions/main/statements/9999", None, 404, "Statement not found"),
    ("GET", "/sessions/main/statements/abc", None, 400, 'For input string: "abc"'),
    ("POST", "/sessions/main/statements/9999/cancel", None, 404, "Statement not found"),
    ("GET", "/batches/77", None, 404, "Session '77' not found."),
    ("POST", "/batches", "{}", 400, "Rejected, Reason: requirement failed: File is required."),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "message"), BAD)
def test_bad_requests_are_answered_as_livy_or_better(
    livy: Livy,
    session: int,
    method: str,
    path: str,
    body: str | None,
    status: int,
    message: str | None,
) -> None:
    headers = {"content-type": "application/json"}
    answer = livy.http.request(method, path, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["msg"]
    if message is not None:
        assert answer.json() == {"msg": message}


def test_cross_site_post_is_refused(livy: Livy, session: int) -> None:
    for headers in (
        {"Origin": "http://elsewhere.example", "content-type": "text/plain"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": livy.url, "content-type": "text/plain"},
    ):
        answer = livy.http.post(
            f"/sessions/{session}/statements", content='{"code":"1"}', headers=headers
        )
        assert answer.status_code == 403
    answer = livy.http.get("/sessions", headers={"Host": "rebound.example"})
    assert answer.status_code == 401


def test_delete_leaves_nothing(livy: Livy, session: int) -> None:
    processes = livy.drivers(session)
    assert livy.http.delete("/sessions/main").json() == {"msg": "deleted"}
    assert livy.http.get(f"/sessions/{session}").status_code == 404
    assert livy.http.delete(f"/sessions/{session}").status_code == 404
    until(lambda: not any(one.is_running() for one in processes), 30, "the driver is gone")
