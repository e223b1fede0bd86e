"""Cells of a real kernel, recorded by a real Jupyter server, over Jupyter's protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psutil
import pytest
from websocket import create_connection

from tests.integration.notebook import SECONDS, TOKEN, Book, Server, lines, temp_server, until

LINES = "import time\nfor n in range({n}): print('line', n, flush=True); time.sleep(0.05)"
THREAD = """import threading, time
def late():
    time.sleep(3)
    print('late', flush=True)
threading.Thread(target=late).start()
print('now')"""
V1 = "v1.kernel.websocket.jupyter.org"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("recorder")
    with temp_server(folder, HOPYARD_INPUT_SECONDS="1") as running:
        yield running


@pytest.fixture
def book(server: Server, request: pytest.FixtureRequest) -> Iterator[Book]:
    made = Book(server, request.node.name)
    yield made
    made.end()


def test_cells_go_on_without_a_page_and_are_written_once(book):
    page = book.page("one")
    page.execute(0, LINES.format(n=30))
    page.execute(1, "print('second')\n1/0")
    page.execute(2, "print('never')")
    page.until("stream", text="line 2\n")
    page.close()
    before = book.get(content=0, hash=1)
    assert book.texts()[0].startswith(lines(4)[:14])
    until("written", lambda: book.on_disk()[0] == lines(30))
    first, second, third = json.loads(book.file.read_text())["cells"]
    assert [one["output_type"] for one in second["outputs"]] == ["stream", "error"]
    assert third["outputs"] == [] and third["execution_count"] is None
    assert first["execution_count"] == 1
    # For a page that is still open somewhere, this is no change of the file.
    after = book.get(content=0, hash=1)
    assert [after[k] for k in ("hash", "last_modified")] == [
        before[k] for k in ("hash", "last_modified")
    ]
    book.file.write_text(book.file.read_text() + "\n")
    assert book.get(content=0, hash=1)["hash"] != before["hash"]


def test_page_that_comes_back_gets_the_rest_by_number(book):
    page = book.page("one")
    name = page.execute(0, LINES.format(n=40))
    page.until("stream", text="line 3\n")
    page.close()
    again = book.page("two")
    known = again.runs()
    (run,) = known["runs"]
    assert (run["id"], run["cell"], run["state"]) == (name, "c0", "running")
    text = run["outputs"][0]["text"]
    while True:
        message = json.loads(again.socket.recv())
        if message["parent_header"].get("msg_id") != name:
            continue
        number, content = message["metadata"]["hopyard"], message["content"]
        if message["msg_type"] == "stream" and number > known["number"]:
            text += content["text"]
        elif content.get("execution_state") == "idle":
            break
    assert text == lines(40)
    assert again.runs(since=number)["runs"] == []
    again.close()


def test_same_page_reconnects_and_its_buffer_repeats_nothing(book):
    page = book.page("one")
    page.execute(0, LINES.format(n=20))
    page.until("stream", text="line 3\n")
    page.close()
    until("done", lambda: book.texts()[0] == lines(20))
    page = book.page("one")
    page.until("execute_reply", status="ok")
    # Where the page took its time, the file has it all: there is no news then.
    for run in page.runs()["runs"]:
        assert run["outputs"][0]["text"] == lines(20)
    book.save([])
    assert book.texts()[0] == ""
    page.close()


def test_saved_and_cleared_outputs_stay_as_they_are(book):
    page = book.page("one")
    page.execute(0, "print('a')")
    page.until("execute_reply")
    until("recorded", lambda: book.texts()[0] == "a\n")
    book.save([])
    page.close()
    assert book.texts()[0] == ""


def test_what_a_thread_prints_after_the_last_save_is_there(book):
    page = book.page("one")
    page.execute(0, THREAD)
    page.until("execute_reply")
    until("recorded", lambda: book.texts()[0] == "now\n")
    book.save([{"output_type": "stream", "name": "stdout", "text": "now\n"}])
    page.close()
    until("written", lambda: book.on_disk()[0] == "now\nlate\n")
    assert book.texts()[0] == "now\nlate\n"


def test_page_asleep_cannot_overwrite_what_it_missed(book):
    page = book.page("one")
    page.execute(0, "print('a', flush=True)\nprint('b')")
    page.close()
    until("written", lambda: book.on_disk()[0] == "a\nb\n")
    book.save([{"output_type": "stream", "name": "stdout", "text": "a\n"}])
    assert book.on_disk()[0] == "a\nb\n"


def test_notebook_that_is_renamed_while_it_runs_keeps_its_output(book):
    page = book.page("one")
    page.execute(0, LINES.format(n=20))
    page.until("stream", text="line 1\n")
    page.close()
    new = book.path.replace(".ipynb", "-renamed.ipynb")
    book.server.http.patch(f"api/contents/{book.path}", json={"path": new}).raise_for_status()
    book.path = new
    until("written", lambda: book.on_disk()[0] == lines(20))


def test_requests_without_a_cell_are_not_recorded(book):
    page = book.page("one")
    page.execute(0, "print('console')", metadata={})
    page.until("execute_reply")
    assert page.runs()["runs"] == []
    page.close()


def test_input_that_nobody_answers_ends_with_a_sentence(book):
    page = book.page("one")
    page.execute(0, LINES.format(n=20) + "\ninput('Who? ')")
    page.until("stream", text="line 1\n")
    page.close()
    until("given up", lambda: "nobody was there for 1 s" in book.on_disk()[0])
    outputs = json.loads(book.file.read_text())["cells"][0]["outputs"]
    assert outputs[-1]["ename"] == "KeyboardInterrupt"


def test_another_page_answers_input(book):
    page = book.page("one")
    page.execute(0, LINES.format(n=20) + "\nprint('Hello', input('Who? '))")
    page.until("stream", text="line 1\n")
    page.close()
    again = book.page("two")
    asked = again.until("input_request")
    assert asked["content"]["prompt"] == "Who? "
    assert again.runs()["runs"][0]["asks"]["prompt"] == "Who? "
    header = {"msg_id": "reply", "msg_type": "input_reply", "session": "two"}
    again.send(header, {"value": "Ann", "status": "ok"}, {}, channel="stdin")
    again.until("stream", text="Hello Ann\n")
    again.close()


def test_kernel_that_dies_says_so_in_its_cell(book):
    server = psutil.Process(book.server.process.pid)
    before = server.children(recursive=True)
    page = book.page("one")
    page.execute(0, "print('a', flush=True)\nimport os, time; time.sleep(0.5); os._exit(1)")
    page.close()
    until("written", lambda: "The kernel died" in book.on_disk()[0])
    assert book.on_disk()[0].startswith("a\n")
    # It is another kernel now, on other ports, and is heard as well.
    until("again", lambda: set(server.children(recursive=True)) - set(before))
    again = book.page("two")
    again.execute(1, LINES.format(n=3))
    again.close()
    until("written again", lambda: book.on_disk()[1] == lines(3))


def test_pages_of_both_protocols_are_numbered(book):
    url = book.server.url.replace("http", "ws") + f"api/kernels/{book.kernel}/channels"
    header = [f"Authorization: token {TOKEN}"]
    page = book.page("one")
    socket = create_connection(url, header=header, subprotocols=[V1], timeout=SECONDS)
    page.execute(0, "print('a')")
    number = page.until("stream")["metadata"]["hopyard"]
    while b'"text": "a' not in (frame := socket.recv()):
        pass
    assert b'"hopyard":%d' % number in frame
    socket.close()
    page.close()


def test_outputs_outlive_the_server(tmp_path):
    with temp_server(tmp_path) as first:
        book = Book(first, "n")
        page = book.page("one")
        page.execute(0, LINES.format(n=10_000))
        page.until("stream", text="line 20\n")
        spool = tmp_path / ".hopyard/outputs"
        until("on disk", lambda: any("line 20" in f.read_text() for f in spool.rglob("*.jsonl")))
        first.kill()
    with temp_server(tmp_path) as second:
        book.server = second
        until("written", lambda: book.on_disk()[0].startswith(lines(21)))
        assert "The Jupyter server ended while this cell ran" in book.on_disk()[0]
