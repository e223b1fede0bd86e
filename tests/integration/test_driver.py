"""The agent with real Spark, against the server's side of the protocol on a real WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from hopyard.protocol.exact import Number, encoded
from hopyard.protocol.messages import (
    GONE,
    UP,
    Ack,
    Answer,
    Cancel,
    Complete,
    Display,
    DriverConfig,
    Ended,
    Execute,
    Failed,
    Inspect,
    Progress,
    Ready,
    Result,
    Shutdown,
    Started,
    Stream,
    UpMessage,
    Welcome,
)
from hopyard.protocol.states import Kind
from tests.integration import odd

START = 120.0
"""Seconds that a Spark application may take to start on a busy machine."""
KEY = "k" * 43
CONF = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.port": "0",
    "spark.ui.filters": "org.apache.spark.ui.JWSFilter",
    "spark.org.apache.spark.ui.JWSFilter.param.secretKey": KEY,
}


class Livy:
    """The server's side: writes down, acknowledges, and remembers what must still be done."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.twice: list[int] = []
        self.acked = 0
        self.open = True
        self.acknowledges = True
        self.close_with: int | None = None
        self.hellos = 0
        self._news = asyncio.Condition()
        self._socket: ServerConnection | None = None
        self._server: Server
        self._undone: dict[int, Execute] = {}
        self._statement = 0

    async def start(self, port: int = 0) -> None:
        self._server = await serve(self._serve, "127.0.0.1", port, max_size=None)
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        assert socket.request.headers["Authorization"] == "Bearer the-secret"
        if self.close_with is not None:
            await socket.close(self.close_with)
            return
        hello = UP.validate_json(await socket.recv())
        assert hello.type == "hello"
        self.hellos += 1
        await self._say(socket, Welcome(acked=self.acked))
        self._socket = socket
        for message in self._undone.values():
            await self._say(socket, message)
        with contextlib.suppress(ConnectionClosed):
            async for frame in socket:
                await self._take(socket, UP.validate_json(frame))
        if self._socket is socket:
            self._socket = None

    async def _take(self, socket: ServerConnection, message: UpMessage) -> None:
        assert message.type != "hello"
        if message.seq <= self.acked:
            self.twice.append(message.seq)
        else:
            assert message.seq == self.acked + 1, "a message was lost"
            self.acked = message.seq
            if isinstance(message, Result):
                self._undone.pop(message.statement, None)
            async with self._news:
                self.messages.append(message)
                self._news.notify_all()
        if self.acknowledges:
            with contextlib.suppress(ConnectionClosed):
                await self._say(socket, Ack(seq=self.acked))

    async def _say(self, socket: ServerConnection, message: Any) -> None:
        await socket.send(message.model_dump_json())

    async def send(self, message: Any) -> None:
        if self._socket is not None:
            await self._say(self._socket, message)

    async def drop(self) -> None:
        """Lose the connection as a killed server does."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def wait(self, wanted: Callable[[Any], bool], timeout: float = 30.0) -> Any:
        async with asyncio.timeout(timeout), self._news:
            while True:
                for message in self.messages:
                    if wanted(message):
                        return message
                await self._news.wait()

    async def execute(self, code: str, kind: Kind = Kind.PYSPARK) -> int:
        self._statement += 1
        message = Execute(statement=self._statement, code=code, kind=kind)
        self._undone[self._statement] = message
        await self.send(message)
        return self._statement

    async def result(self, statement: int, timeout: float = 60.0) -> Result:
        return await self.wait(
            lambda m: isinstance(m, Result) and m.statement == statement, timeout
        )

    async def run(self, code: str, kind: Kind = Kind.PYSPARK) -> Result:
        return await self.result(await self.execute(code, kind))

    async def started(self, statement: int) -> None:
        await self.wait(lambda m: isinstance(m, Started) and m.statement == statement)

    async def said(self, statement: int, text: str) -> None:
        await self.wait(lambda m: text in self.text(statement))

    def of(self, kind: type, statement: int) -> list[Any]:
        return [m for m in self.messages if isinstance(m, kind) and m.statement == statement]

    def text(self, statement: int, name: str = "stdout") -> str:
        return "".join(m.text for m in self.of(Stream, statement) if m.name == name)


class Driver:
    """A driver's process and its server."""

    def __init__(self, folder: Path, livy: Livy, **config: Any) -> None:
        self.livy = livy
        self.log = folder / "driver.log"
        self._file = folder / "driver.json"
        self._config = DriverConfig(
            session=1,
            url=f"ws://127.0.0.1:{livy.port}/livy/drivers/1",
            secret="the-secret",
            name="a test",
            work_dir=str(folder),
            **({"conf": CONF} | config),
        )

    async def start(self) -> None:
        self._file.write_text(self._config.model_dump_json())
        self._file.chmod(0o600)
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "hopyard.driver",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"HOPYARD_DRIVER_CONFIG": str(self._file)},
            )

    async def ready(self) -> Ready:
        return await self.livy.wait(lambda m: isinstance(m, Ready | Failed), START)

    def family(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]

    def child(self, word: str) -> psutil.Process:
        found = [p for p in self.family() if any(word in part for part in p.cmdline())]
        assert found, f"no child {word}"
        return found[0]

    async def ended(self, timeout: float = 30.0) -> int:
        async with asyncio.timeout(timeout):
            return await self.process.wait()

    async def stop(self) -> None:
        if self.process.returncode is None:
            family = self.family()
            self.process.kill()
            await self.process.wait()
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()


async def gone(processes: list[psutil.Process], timeout: float = 20.0) -> None:
    async with asyncio.timeout(timeout):
        while any(  # noqa: ASYNC110 - they are not our children
            p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes
        ):
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def new_driver(folder: Path, **config: Any) -> AsyncIterator[Driver]:
    livy = Livy()
    await livy.start()
    driver = Driver(folder, livy, **config)
    await driver.start()
    try:
        yield driver
    finally:
        await driver.stop()
        await livy.stop()


@contextlib.asynccontextmanager
async def ready_driver(folder: Path) -> AsyncIterator[Driver]:
    """A driver whose Spark application runs."""
    async with new_driver(folder) as driver:
        ready = await driver.ready()
        assert isinstance(ready, Ready), ready
        yield driver


@pytest.fixture(scope="module")
async def driver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driver]:
    async with ready_driver(tmp_path_factory.mktemp("driver")) as driver:
        yield driver


@pytest.fixture
def livy(driver: Driver) -> Livy:
    return driver.livy


async def test_ready_says_where_the_application_is(livy: Livy) -> None:
    ready = await livy.wait(lambda m: isinstance(m, Ready))
    assert ready.app_id.startswith("local-")
    assert ready.spark_version.startswith("4.")
    assert ready.master == "local[2]"
    assert re.match(r"http://127\.0\.0\.1:\d+$", ready.ui_url)


async def test_secrets_are_on_no_command_line_and_in_no_environment(driver: Driver) -> None:
    for process in (psutil.Process(driver.process.pid), *driver.family()):
        assert KEY not in " ".join(process.cmdline())
        assert KEY not in json.dumps(process.environ())
        assert "the-secret" not in json.dumps([process.cmdline(), process.environ()])
    result = await driver.livy.run("import os; [k for k in os.environ if 'GATEWAY' in k]")
    assert result.data["text/plain"] == "[]"


async def test_an_expression_has_a_result(livy: Livy) -> None:
    result = await livy.run("1+1")
    assert (result.status, result.data) == ("ok", {"text/plain": "2"})


async def test_spark_is_there(livy: Livy) -> None:
    result = await livy.run("spark.range(10).count(), sc.parallelize([1, 2]).map(str).collect()")
    assert result.data["text/plain"] == "(10, ['1', '2'])"
    result = await livy.run("sqlContext.sql('select 1').collect()")
    assert result.data["text/plain"] == "[Row(1=1)]"


async def test_streams_are_told_apart_and_gathered(livy: Livy) -> None:
    statement = await livy.execute(
        "import sys\nfor i in range(20000): print(i)\nprint('oh', file=sys.stderr)"
    )
    assert (await livy.result(statement)).status == "ok"
    assert livy.text(statement) == "".join(f"{i}\n" for i in range(20000))
    assert livy.text(statement, "stderr") == "oh\n"
    assert len(livy.of(Stream, statement)) < 100


async def test_output_comes_while_the_code_runs(livy: Livy) -> None:
    statement = await livy.execute("import time\nprint('now', flush=True)\ntime.sleep(3)")
    await livy.said(statement, "now")
    assert not livy.of(Result, statement)
    await livy.result(statement)


async def test_an_error_shows_the_users_frames_only(livy: Livy) -> None:
    result = await livy.run("def f(x):\n    return 1 / x\nf(0)")
    assert (result.status, result.ename) == ("error", "ZeroDivisionError")
    assert result.evalue == "division by zero"
    text = "".join(result.traceback)
    assert text.startswith("Traceback (most recent call last):\n")
    assert 'File "<cell>", line 2, in f\n    return 1 / x\n' in text
    assert "\x1b" not in text
    assert "site-packages" not in text


async def test_errors_of_spark_and_of_syntax_are_short(livy: Livy) -> None:
    result = await livy.run("spark.sql('select nosuch')")
    assert result.ename == "AnalysisException"
    assert "UNRESOLVED_COLUMN" in result.evalue
    assert "site-packages" not in "".join(result.traceback)
    result = await livy.run("for")
    assert result.ename == "SyntaxError"
    assert "\x1b" not in "".join(result.traceback)
    result = await livy.run("spark.range(1).rdd.map(lambda x: 1 / 0).collect()")
    assert "ZeroDivisionError" in "".join(result.traceback)
    assert "\tat " not in "".join(result.traceback) + result.evalue


async def test_a_plot_is_shown_and_is_the_result(livy: Livy) -> None:
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])"
    statement = await livy.execute(code)
    result = await livy.result(statement)
    assert result.data["image/png"].startswith("iVBOR")
    assert [sorted(m.data) for m in livy.of(Display, statement)] == [["image/png", "text/plain"]]


async def test_a_display_can_be_updated(livy: Livy) -> None:
    code = "h = display('a', display_id=True)\nh.update('b')\nNone"
    statement = await livy.execute(code)
    await livy.result(statement)
    shown = livy.of(Display, statement)
    assert [(m.data["text/plain"], m.update) for m in shown] == [("'a'", False), ("'b'", True)]
    assert shown[0].transient == shown[1].transient


async def test_livys_magics(livy: Livy) -> None:
    result = await livy.run("x=[{'a':1,'b':'q'}]\n%table x")
    assert result.data["application/vnd.livy.table.v1+json"] == {
        "headers": [{"name": "a", "type": "INT_TYPE"}, {"name": "b", "type": "STRING_TYPE"}],
        "data": [[1, "q"]],
    }
    result = await livy.run("%json {'a': [1, None]}")
    assert result.data == {"application/json": {"a": [1, None]}}


async def test_sql_answers_as_livy_does(livy: Livy) -> None:
    await livy.run("spark.range(3).createOrReplaceTempView('three')")
    result = await livy.run("select id, 'x' as id, null d from three", Kind.SQL)
    table = result.data["application/json"]
    assert table["data"] == [[0, "x", None], [1, "x", None], [2, "x", None]]
    assert [field["type"] for field in table["schema"]["fields"]] == ["long", "string", "void"]
    result = await livy.run(
        "select timestamp'2020-01-02 03:04:05' t, 1.20 e, struct(1 p) k, X'01ff' l, "
        "map('k', 1) m, 12345678901234567890.12 n",
        Kind.SQL,
    )
    (row,) = result.data["application/json"]["data"]
    assert row[0].startswith("2020-01-02T03:04:05")
    assert row[1:] == [1.2, {"p": 1}, "Af8=", {"k": 1}, encoded(Number("12345678901234567890.12"))]
    result = await livy.run("select * from range(5000)", Kind.SQL)
    assert len(result.data["application/json"]["data"]) == 1000
    result = await livy.run("create or replace temp view v as select 1 a", Kind.SQL)
    assert result.data["application/json"]["data"] == []


async def test_a_sql_error_is_short(livy: Livy) -> None:
    result = await livy.run("selec 1", Kind.SQL)
    assert (result.status, result.ename) == ("error", "ParseException")
    assert "\tat " not in result.evalue


async def test_completion_and_inspection(livy: Livy) -> None:
    await livy.send(Complete(request="c", kind=Kind.PYSPARK, code="spark.ran", cursor=9))
    answer = await livy.wait(lambda m: isinstance(m, Answer) and m.request == "c")
    assert any("range" in match for match in answer.content["matches"])
    await livy.send(Inspect(request="i", kind=Kind.PYSPARK, code="spark.range", cursor=11))
    answer = await livy.wait(lambda m: isinstance(m, Answer) and m.request == "i")
    assert answer.content["found"]


LONG_JOB = "spark.range(0, 10**13, 1, 4).selectExpr('sum(id % 7)').collect()"
ACTIVE_JOBS = """
import time
for _ in range(50):  # Spark's tracker lags a little behind
    if not sc.statusTracker().getActiveJobsIds(): break
    time.sleep(.1)
list(sc.statusTracker().getActiveJobsIds())
"""
PYTHON_JOB = "import time\nsc.parallelize([1, 2], 2).map(lambda x: time.sleep(60)).collect()"


@pytest.mark.parametrize(
    "code",
    ["while True: pass", "import time; time.sleep(60)", LONG_JOB, PYTHON_JOB, "!sleep 60"],
    ids=["loop", "sleep", "job", "python-job", "command"],
)
async def test_cancel_stops_within_a_second(livy: Livy, code: str) -> None:
    statement = await livy.execute(f"print('begun', flush=True)\n{code}")
    await livy.said(statement, "begun")
    await asyncio.sleep(1.0)  # while the agent asks Spark how far the jobs are
    before = time.monotonic()
    await livy.send(Cancel(statement=statement))
    result = await livy.result(statement)
    took = time.monotonic() - before
    assert result.status == "cancelled" or code.startswith("!")
    assert took < (1.0 if os.getloadavg()[0] < 3 else 4.0)
    assert (await livy.run("6*7")).data == {"text/plain": "42"}
    assert (await livy.run(ACTIVE_JOBS)).data["text/plain"] == "[]"
    assert (await livy.run("spark.range(7).count()")).data["text/plain"] == "7"


async def test_a_long_query_in_sql_is_cancelled(livy: Livy) -> None:
    statement = await livy.execute("select sum(id % 7) from range(0, 10000000000000)", Kind.SQL)
    await livy.wait(lambda m: isinstance(m, Progress) and m.statement == statement)
    await livy.send(Cancel(statement=statement))
    assert (await livy.result(statement, 10)).status == "cancelled"
    assert (await livy.run("select 1", Kind.SQL)).status == "ok"


async def test_a_waiting_statement_is_taken_out_of_the_queue(livy: Livy) -> None:
    first = await livy.execute("import time; time.sleep(60)")
    second = await livy.execute("print('never')")
    await livy.started(first)
    await livy.send(Cancel(statement=second))
    assert (await livy.result(second)).status == "cancelled"
    assert not livy.of(Result, first)
    assert not livy.of(Started, second)
    await livy.send(Cancel(statement=first))
    await livy.result(first)


async def test_progress_is_reported(livy: Livy) -> None:
    statement = await livy.execute(
        "import time\nsc.parallelize(range(8), 8).map(lambda x: time.sleep(.5)).count()"
    )
    assert (await livy.result(statement)).data["text/plain"] == "8"
    seen = livy.of(Progress, statement)
    assert seen
    assert seen[-1].tasks == 8
    assert all(0 <= m.fraction <= 1 for m in seen)


async def test_a_statement_is_executed_once(livy: Livy) -> None:
    statement = await livy.execute("n = globals().get('n', 0) + 1; n")
    again = Execute(statement=statement, code="n = globals().get('n', 0) + 1; n", kind=Kind.PYSPARK)
    await livy.send(again)
    await livy.result(statement)
    await livy.send(again)
    assert (await livy.run("n")).data["text/plain"] == "1"
    assert len(livy.of(Result, statement)) == 1


async def test_nothing_is_lost_when_the_server_goes_away(driver: Driver) -> None:
    livy = driver.livy
    code = "import time\nfor i in range(60): print(i, flush=True); time.sleep(.05)"
    statement = await livy.execute(code)
    await livy.said(statement, "3\n")
    livy.acknowledges = False  # it writes down, and dies before it can say so
    await livy.said(statement, "9\n")
    await livy.drop()
    await livy.stop()
    livy.acknowledges = True
    await asyncio.sleep(0.5)
    await livy.start(livy.port)
    assert (await livy.result(statement)).status == "ok"
    assert livy.text(statement) == "".join(f"{i}\n" for i in range(60))
    assert livy.twice == []
    assert livy.hellos >= 2


async def test_output_beyond_the_limit_is_cut(tmp_path: Path, livy: Livy, driver: Driver) -> None:
    before = psutil.Process(driver.process.pid).memory_info().rss
    statement = await livy.execute("for i in range(300): print('x' * 100_000)")
    await livy.result(statement)
    text = livy.text(statement)
    assert len(text) < 10_000_500
    assert "[output cut here" in text[-200:]
    assert psutil.Process(driver.process.pid).memory_info().rss - before < 100_000_000


@pytest.mark.parametrize("code", odd.PRINTED)
async def test_text_that_is_odd_is_shown_as_by_plain_jupyter(livy: Livy, code: str) -> None:
    number = await livy.execute(code)
    assert (await livy.result(number)).status == "ok"
    assert livy.text(number) == odd.PRINTED[code]


@pytest.mark.parametrize("code", odd.DISPLAYED)
async def test_display_that_is_odd_is_shown(livy: Livy, code: str) -> None:
    number = await livy.execute(code)
    assert (await livy.result(number)).status == "ok"
    (shown,) = livy.of(Display, number)
    assert shown.data | odd.DISPLAYED[code] == shown.data
    assert set(shown.data) <= {"text/plain", *odd.DISPLAYED[code]}


LATE = """\
import pathlib, threading, time
from IPython.display import display
def late():
    while not pathlib.Path({go!r}).exists():
        time.sleep(0.02)
    print("late")
    shown.update("updated")
shown = display("first", display_id=True)
threading.Thread(target=late).start()
"""


async def test_what_a_thread_prints_late_belongs_to_its_statement(
    livy: Livy, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    number = await livy.execute(LATE.format(go=str(go)))
    ended = await livy.result(number)
    go.touch()
    await livy.said(number, "late")
    await livy.wait(lambda m: any(one.update for one in livy.of(Display, number)))
    assert all(one.seq > ended.seq for one in livy.of(Stream, number))


async def test_a_value_that_nobody_expects_ends_its_own_statement_only(livy: Livy) -> None:
    for number in [await livy.execute(code) for code in odd.PYTHON]:
        result = await livy.result(number)
        assert result.status in ("ok", "error")
    lost = await livy.run("display({'application/json': [float('nan')]}, raw=True); 6 * 7")
    assert lost.data == {"text/plain": "42"}


@pytest.mark.parametrize("end", ["exit", "segfault"])
async def test_a_dead_kernel_is_replaced_on_the_same_application(livy: Livy, end: str) -> None:
    await livy.run("a = 1")
    before = (await livy.run("sc.applicationId")).data["text/plain"]
    code = "import os; os._exit(1)" if end == "exit" else "import ctypes; ctypes.string_at(0)"
    result = await livy.run(code)
    assert (result.status, result.ename) == ("error", "InterpreterDied")
    assert ("exit code 1" if end == "exit" else "SIGSEGV") in result.evalue
    assert (await livy.run("a")).ename == "NameError"
    assert (await livy.run("sc.applicationId")).data["text/plain"] == before
    assert (await livy.run("spark.range(3).count()")).data["text/plain"] == "3"


async def test_code_that_does_not_stop_loses_its_interpreter(livy: Livy) -> None:
    code = (
        "import time\nwhile True:\n"  # the interrupt may come while it still prints
        "    try: print('begun', flush=True); time.sleep(1)\n"
        "    except KeyboardInterrupt: pass"
    )
    statement = await livy.execute(code)
    await livy.said(statement, "begun")
    await livy.send(Cancel(statement=statement))
    result = await livy.result(statement)
    assert result.status == "cancelled"
    assert "restarted" in result.evalue
    assert (await livy.run("spark.range(3).count()")).data["text/plain"] == "3"


async def test_a_shutdown_ends_all_in_order(driver: Driver) -> None:
    """The last on the shared driver."""
    family = driver.family()
    await driver.livy.send(Shutdown(reason="the test is over"))
    ended = await driver.livy.wait(lambda m: isinstance(m, Ended))
    assert ended.reason == "the test is over"
    assert await driver.ended() == 0
    await gone(family, 5)
    assert not list(driver.log.parent.glob("*.json"))


async def test_a_killed_agent_leaves_nothing(tmp_path: Path) -> None:
    async with new_driver(tmp_path) as driver:
        assert isinstance(await driver.ready(), Ready)
        await driver.livy.execute("while True: pass")
        await driver.livy.started(1)
        family = driver.family()
        assert len(family) >= 2
        driver.process.send_signal(signal.SIGKILL)
        await driver.ended()
        await gone(family)


async def test_a_dead_jvm_fails_the_session(tmp_path: Path) -> None:
    async with new_driver(tmp_path) as driver:
        assert isinstance(await driver.ready(), Ready)
        family = driver.family()
        statement = await driver.livy.execute("import time; time.sleep(60)")
        await driver.livy.started(statement)
        driver.child("SparkSubmit").send_signal(signal.SIGKILL)
        failed = await driver.livy.wait(lambda m: isinstance(m, Failed))
        assert "out of memory" in failed.reason
        assert (await driver.livy.result(statement)).status == "error"
        assert await driver.ended() == 0
        await gone(family, 5)


async def test_a_session_that_is_gone_ends_its_driver(tmp_path: Path) -> None:
    async with new_driver(tmp_path, orphan_timeout=60) as driver:
        await driver.livy.wait(lambda m: m.type == "step")
        family = driver.family()
        driver.livy.close_with = GONE
        await driver.livy.drop()
        assert await driver.ended() == 0
        await gone(family, 5)


async def test_an_orphan_ends_itself(tmp_path: Path) -> None:
    async with new_driver(tmp_path, orphan_timeout=2) as driver:
        await driver.livy.wait(lambda m: m.type == "step")
        family = driver.family()
        await driver.livy.drop()
        await driver.livy.stop()
        assert await driver.ended() == 0
        await gone(family, 5)


async def test_a_conf_that_spark_refuses_is_told(tmp_path: Path) -> None:
    async with new_driver(tmp_path, conf={"spark.master": "nosuch"}) as driver:
        failed = await driver.ready()
        assert isinstance(failed, Failed)
        assert "Master must" in failed.reason
        assert await driver.ended() == 0
