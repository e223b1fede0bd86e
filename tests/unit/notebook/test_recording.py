"""Recorded outputs: folding messages, merging notebooks, what a save means, the spool."""

from __future__ import annotations

import itertools
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from hopyard.notebook.kernels.cut import Cut
from hopyard.notebook.recorder import follow, merge
from hopyard.notebook.recorder.outputs import Outputs
from hopyard.notebook.recorder.recorder import Recorder
from hopyard.notebook.recorder.run import Run
from hopyard.notebook.recorder.runs import SERVER_ENDED, Runs
from hopyard.notebook.recorder.spool import Spool

numbers = itertools.count()


class Server:
    """A recorder with a kernel that says what it is told to say."""

    def __init__(self, folder: Path) -> None:
        self.due: list[Any] = []
        self.settled: list[str] = []
        self.recorder = Recorder(Runs(Spool(folder), self.due.append), self.settled.append)

    def write_down(self) -> None:
        while self.due:
            self.due.pop()()

    def run(self, cell: str = "c1", page: str = "page", code: str = "1") -> Run:
        run = Run(f"m{next(numbers)}", "k", page, ["a/n.ipynb"], cell, code)
        self.recorder.submitted(run)
        return run

    def say(self, run: Run, kind: str, **content: Any) -> int:
        header = json.dumps({"msg_id": f"o{next(numbers)}", "msg_type": kind}).encode()
        parent = json.dumps({"msg_id": run.id}).encode()
        return self.recorder.published("k", header, parent, json.dumps(content).encode())

    def print(self, run: Run, *lines: str) -> None:
        self.say(run, "execute_input", code="", execution_count=7)
        for line in lines:
            self.say(run, "stream", name="stdout", text=f"{line}\n")

    def end(self, run: Run) -> None:
        self.say(run, "status", execution_state="idle")


@pytest.fixture
def server(tmp_path: Path) -> Server:
    made = Server(tmp_path / "spool")
    made.recorder.opened("k", "page")
    return made


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def notebook(*outputs: dict[str, Any], cell: str = "c1") -> dict[str, Any]:
    return {
        "cells": [
            {
                "id": cell,
                "cell_type": "code",
                "source": "1",
                "metadata": {},
                "execution_count": None,
                "outputs": list(outputs),
            }
        ]
    }


def shown(book: dict[str, Any]) -> list[Any]:
    return list(book["cells"][0]["outputs"])


# --- outputs -------------------------------------------------------------------------------------


def fold(*messages: tuple[str, dict[str, Any]], limit: int = 1000) -> Outputs:
    outputs = Outputs(limit)
    for kind, content in messages:
        outputs.apply(kind, content)
    return outputs


def out(text: str, name: str = "stdout") -> tuple[str, dict[str, Any]]:
    return "stream", {"name": name, "text": text}


def show(text: str, name: str | None = None) -> tuple[str, dict[str, Any]]:
    transient = {"display_id": name} if name else {}
    return "display_data", {"data": {"text/plain": text}, "metadata": {}, "transient": transient}


def test_streams_of_one_name_are_one_output():
    folded = fold(out("a\n"), out("b"), out("e\n", "stderr"), out("c\n"))
    assert folded.dump() == [stream("a\nb"), stream("e\n", "stderr"), stream("c\n")]


@pytest.mark.parametrize(
    ("texts", "seen"),
    [
        (["10%\r", "20%\r", "100%"], "100%"),
        (["10%", "\r20%\n", "next\n"], "20%\nnext\n"),
        (["abc\rX"], "Xbc"),
        (["abc\b\bX\n"], "aXc\n".replace("c", "")),
        (["a\n\b\bb"], "a\nb"),
        (["a\r\nb\r\n"], "a\nb\n"),
    ],
)
def test_carriage_return_and_backspace_overwrite(texts, seen):
    assert fold(*map(out, texts)).dump() == [stream(seen)]


def test_clear_output_clears_now_or_with_the_next_output():
    assert fold(out("a"), ("clear_output", {"wait": False})).dump() == []
    waits = [out("a"), ("clear_output", {"wait": True})]
    assert fold(*waits).dump() == [stream("a")]
    assert fold(*waits, out("b")).dump() == [stream("b")]


def test_update_changes_all_displays_of_its_id():
    update = ("update_display_data", show("new", "one")[1])
    folded = fold(show("old", "one"), show("other"), show("old", "one"), update)
    assert [one["data"]["text/plain"] for one in folded.dump()] == ["new", "other", "new"]


def test_output_beyond_the_limit_is_cut_with_a_marker_and_the_error_stays():
    error = {"ename": "E", "evalue": "v", "traceback": ["t"]}
    folded = fold(out("x" * 99), out("y" * 99), out("z"), ("error", error), limit=100)
    first, marker, last = folded.dump()
    assert first["text"] == "x" * 99 + "y"
    assert "cut here, after 100 letters" in marker["text"]
    assert last == {"output_type": "error", **error}


def test_progress_bar_of_hours_stays_small():
    folded = fold(*[out(f"\r{n:9}%") for n in range(1000)], limit=100)
    assert folded.dump() == [stream("      999%")]


# --- notebooks -----------------------------------------------------------------------------------


def test_merge_puts_outputs_and_count_into_the_cell(server):
    run = server.run()
    server.print(run, "a")
    book = notebook(stream("old"))
    assert merge.merge(book, [run]) == ([run], True)
    assert (shown(book), book["cells"][0]["execution_count"]) == ([stream("a\n")], None)
    server.end(run)
    merge.merge(book, [run])
    assert book["cells"][0]["execution_count"] == 7
    assert merge.merge(book, [run]) == ([run], False)


def test_merge_leaves_other_cells_and_finds_cells_without_ids_by_their_code(server):
    run = server.run()
    assert merge.merge(notebook(cell="c2"), [run]) == ([], False)
    old = notebook(stream("old"))
    del old["cells"][0]["id"]
    assert merge.merge(old, [run]) == ([run], True)


def test_lines_and_texts_are_equal_whoever_wrote_them(server):
    run = server.run()
    server.print(run, "a", "b")
    assert merge.equal(run, {"outputs": [stream(["a\n", "b\n"])]})
    assert merge.is_part(run, {"outputs": [stream("a\n")]})
    assert not merge.is_part(run, {"outputs": []})
    assert not merge.is_part(run, {"outputs": [stream("b\n")]})


def save(server: Server, book: dict[str, Any]) -> None:
    over = server.recorder.settle("a/n.ipynb", book)
    server.recorder.saved("a/n.ipynb", book, over)


def late(server: Server, run: Run) -> list[Any]:
    """Print something after the end, with no page open; return what the notebook then shows."""
    server.recorder.closed("k", "page")
    server.say(run, "stream", name="stdout", text="late\n")
    book = notebook(stream("left"), cell=run.cell)
    merge.merge(book, [one for one in server.recorder.runs.of("a/n.ipynb") if not one.written])
    return shown(book)


@pytest.mark.parametrize(
    ("saved", "seen"),
    [
        ([stream("a\n")], [stream("a\nlate\n")]),
        ([], [stream("late\n")]),  # the user cleared it
    ],
)
def test_late_output_comes_after_what_a_page_has_saved(server, saved, seen):
    run = server.run()
    server.print(run, "a")
    server.end(run)
    save(server, notebook(*saved))
    save(server, notebook(*saved))
    assert late(server, run) == seen
    assert server.settled[-1] == "k"


def test_late_output_of_a_cell_that_ran_again_is_not_its_own(server):
    first = server.run()
    server.end(first)
    save(server, notebook())
    server.run()
    assert late(server, first) == []


@pytest.mark.parametrize("gone", ["deleted", "cell deleted", "ended", "very long"])
def test_saved_run_is_not_remembered_for_ever(server, gone):
    run = server.run()
    server.print(run, "a" * (200_000 if gone == "very long" else 1))
    server.end(run)
    save(server, notebook(*run.outputs.dump()))
    if gone == "deleted":
        server.recorder.runs.deleted("a")
    elif gone == "cell deleted":
        save(server, notebook(cell="another"))
    elif gone == "ended":
        server.recorder.ended("k", "it was shut down", gone=True)
    assert late(server, run) == [stream("left")]


def test_page_that_saw_all_has_the_last_word(server):
    run = server.run()
    server.print(run, "a")
    server.end(run)
    book = notebook()  # the user cleared it
    save(server, book)
    assert shown(book) == []
    assert server.recorder.runs.of("a/n.ipynb") == []


def test_page_that_lags_keeps_the_record(server):
    run = server.run()
    server.print(run, "a", "b")
    server.end(run)
    book = notebook(stream("a\n"))
    assert server.recorder.settle("a/n.ipynb", book) == []
    assert shown(book) == [stream("a\n")]


def test_page_that_was_away_does_not_overwrite_what_it_missed(server):
    run = server.run()
    server.recorder.closed("k", "page")
    server.print(run, "a")
    server.end(run)
    for before in ([], [stream("old")]):
        book = notebook(*before)
        assert server.recorder.settle("a/n.ipynb", book) == []
        assert shown(book) == [stream("a\n")]
    server.recorder.opened("k", "page 2")
    server.recorder.shown(run, "page 2")
    assert server.recorder.settle("a/n.ipynb", notebook()) == [run]


def test_run_of_a_page_is_not_seen_by_another_page(server):
    run = server.run()
    server.recorder.opened("k", "console")
    server.recorder.closed("k", "page")
    server.print(run, "a")
    assert run.behind
    server.recorder.shown(run, "console")
    assert not run.behind


def test_cell_that_is_run_anew_forgets_the_run_before(server):
    server.run()
    second = server.run()
    assert server.recorder.runs.of("a/n.ipynb") == [second]


def test_message_that_comes_twice_counts_once(server):
    run = server.run()
    header = json.dumps({"msg_id": "twice", "msg_type": "stream"}).encode()
    parent = json.dumps({"msg_id": run.id}).encode()
    content = json.dumps({"name": "stdout", "text": "a\n"}).encode()
    said = [server.recorder.published("k", header, parent, content) for _ in range(2)]
    assert said[0] == said[1]
    assert run.outputs.dump() == [stream("a\n")]
    assert server.say(run, "status", execution_state="busy") == said[0] + 1


def test_display_is_updated_by_another_cell(server):
    first, second = server.run("c1"), server.run("c2")
    server.say(first, *show("old", "one")[:1], **show("old", "one")[1])
    server.end(first)
    server.say(second, "update_display_data", **show("new", "one")[1])
    assert first.outputs.dump()[0]["data"] == {"text/plain": "new"}
    assert second.outputs.dump() == []


def test_rename_and_delete_are_followed(server):
    run = server.run()
    server.recorder.runs.renamed("a", "b")
    assert server.recorder.runs.of("b/n.ipynb") == [run]
    server.recorder.runs.renamed("b/n.ipynb", "b/m.ipynb")
    assert server.recorder.runs.of("b/m.ipynb") == [run]
    server.recorder.runs.deleted("b")
    assert server.recorder.runs.of("b/m.ipynb") == []


def test_kernel_that_is_idle_and_alone_settles_once_all_cells_are_done(server):
    first, second = server.run("c1"), server.run("c2")
    server.recorder.closed("k", "page")
    server.print(first, "a")
    server.end(first)
    assert server.settled == []
    server.end(second)
    assert server.settled == ["k"]


def test_kernel_that_dies_ends_its_cells_with_a_sentence(server):
    run, waiting = server.run("c1"), server.run("c2")
    server.print(run, "a")
    server.recorder.ended("k", "The kernel died.", gone=True)
    assert [one["text"] for one in run.outputs.dump()] == ["a\n", "\n[The kernel died.]\n"]
    assert run.done and waiting.done and waiting.outputs.dump() == []


# --- the spool -----------------------------------------------------------------------------------


def test_runs_outlive_the_server_and_are_private(server, tmp_path):
    run, over, waiting = server.run("c1"), server.run("c2"), server.run("c3")
    server.print(run, "a")
    server.write_down()
    server.print(run, "b")
    server.print(over, "x")
    server.end(over)
    server.recorder.runs.renamed("a", "b")
    server.write_down()
    for file in (tmp_path / "spool").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with next((tmp_path / "spool").glob("*.jsonl")).open("a") as stream_:
        stream_.write('["stream", {"na')  # killed while it wrote
    again = Server(tmp_path / "spool").recorder
    runs = {one.id: one for one in again.runs.of("b/n.ipynb")}
    assert waiting.id not in runs
    texts = [one["text"] for one in runs[run.id].outputs.dump()]
    assert texts == ["a\nb\n", f"\n[{SERVER_ENDED}]\n"]
    assert [one["text"] for one in runs[over.id].outputs.dump()] == ["x\n"]
    assert all(one.done and one.behind for one in runs.values())


def test_run_that_was_saved_leaves_no_file(server, tmp_path):
    run = server.run()
    server.print(run, "a")
    server.end(run)
    server.write_down()
    assert len(list((tmp_path / "spool").iterdir())) == 1
    server.recorder.runs.drop([run])
    server.write_down()
    assert list((tmp_path / "spool").iterdir()) == []


def test_file_is_written_anew_when_updates_outweigh_it(server, tmp_path):
    run = server.run()
    server.print(run)
    server.say(run, *show("0", "one")[:1], **show("0", "one")[1])
    server.write_down()
    for number in range(60):
        text = f"{number}" * 20_000
        server.say(run, "update_display_data", **show(text, "one")[1])
        server.write_down()
    (file,) = (tmp_path / "spool").iterdir()
    assert file.stat().st_size < 1_300_000
    (again,) = Server(tmp_path / "spool").recorder.runs.of("a/n.ipynb")
    assert again.outputs.dump()[0] == run.outputs.dump()[0]


def test_damaged_file_is_left_out(tmp_path):
    (tmp_path / "x.jsonl").write_text("{}\n")
    assert list(Spool(tmp_path).load()) == []
    assert not (tmp_path / "x.jsonl").exists()


# --- Spark cells that outlived their Jupyter server ----------------------------------------------


def test_spark_cell_of_a_dead_server_goes_on_from_its_statements_beginning(server, tmp_path):
    run = server.run()
    server.print(run, "Starting")
    server.say(run, "hopyard_statement", path="/sessions/1/statements/2")
    server.print(run, "a", "b")
    server.write_down()
    again = Server(tmp_path / "spool")
    (lost,) = again.recorder.runs.lost()
    assert (lost.statement, lost.done) == ("/sessions/1/statements/2", False)
    again.recorder.again(lost)
    events = [("stream", {"name": "stdout", "text": f"{line}\n"}) for line in "abc"]
    events += [("progress", {}), ("result", {"status": "ok", "data": {"text/plain": "7"}})]
    cut = Cut(None)
    for event in events:
        for message in follow.messages(*event, lost.count, cut):
            again.recorder.heard(lost, *message)
    text, result = lost.outputs.dump()
    assert text["text"] == "Starting\na\nb\nc\n"
    assert (result["data"], result["execution_count"]) == ({"text/plain": "7"}, 7)
    assert lost.done and again.settled == ["k"]


def test_statement_that_failed_is_an_error():
    error = {"status": "error", "ename": "E", "evalue": "v", "traceback": ["t"]}
    first, last = follow.messages("result", error, 1, Cut(None))
    assert first == ("error", {"ename": "E", "evalue": "v", "traceback": ["t"]})
    assert last == ("status", {"execution_state": "idle"})


def test_long_output_is_cut_as_the_kernel_cuts_it(server):
    run = server.run()
    server.say(run, "hopyard_statement", path="/sessions/1/statements/2", whole="/x?a=1&b=2")
    cut = Cut(run.whole, most=5)
    events = [("stream", {"name": "stdout", "text": text}) for text in ("abc", "def", "ghi")]
    events.append(("result", {"status": "ok", "data": {"text/plain": "1234567"}}))
    shown = [message for one in events for message in follow.messages(*one, 1, cut)]
    assert [kind for kind, _ in shown] == [
        *("stream", "stream", "display_data", "execute_result", "display_data", "status")
    ]
    assert [content["text"] for kind, content in shown if kind == "stream"] == ["abc", "de"]
    assert 'href="/x?a=1&amp;b=2"' in shown[2][1]["data"]["text/html"]
    assert shown[3][1]["data"]["text/plain"] == "12345"


def test_widgets_are_those_that_the_kernel_has_since_its_start(server):
    run = server.run()
    for model in ("a", "b"):
        server.say(run, "comm_open", comm_id=model, target_name="jupyter.widget")
    server.say(run, "comm_close", comm_id="a")
    assert server.recorder.widgets("k") == {"b"}
    server.recorder.ended("k", "restarted", gone=False)
    assert not server.recorder.widgets("k")
    assert not server.recorder.widgets("another")
