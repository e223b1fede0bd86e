import sys

import pytest

from hopyard.driver.interpreters.magics import table
from hopyard.driver.interpreters.python import PLOT
from hopyard.driver.interpreters.text import without_java_frames
from hopyard.driver.interpreters.tracebacks import _plain_traceback
from hopyard.driver.interpreters.wire import Wire


def test_a_message_is_read_only_with_our_key() -> None:
    _, frames = Wire(b"key").request("execute_request", {"code": "1"})
    read = Wire(b"key").read([b"topic", *frames])
    assert read is not None
    assert (read.type, read.content) == ("execute_request", {"code": "1"})
    assert Wire(b"other").read(frames) is None
    assert Wire(b"key").read([b"nonsense"]) is None


def test_a_traceback_keeps_the_cause_and_drops_internals() -> None:
    import json

    try:
        try:
            json.loads("{")
        except ValueError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        text = "".join(_plain_traceback(*sys.exc_info()))
    assert "JSONDecodeError" in text
    assert "direct cause" in text
    assert "decoder.py" not in text
    assert text.endswith("RuntimeError: outer\n")


def test_javas_frames_are_cut() -> None:
    assert without_java_frames("a\n\tat b.c(D.java:1)\n\t... 3 more\nd") == "a\nd"


def test_table_names_types_and_refuses_a_mixture() -> None:
    assert table([{"a": 1}, {"a": None, "b": [1]}])["headers"] == [
        {"name": "a", "type": "INT_TYPE"},
        {"name": "b", "type": "ARRAY_TYPE"},
    ]
    with pytest.raises(ValueError, match="column a"):
        table([{"a": 1}, {"a": "x"}])
    with pytest.raises(ValueError, match="list of rows"):
        table("abc")


@pytest.mark.parametrize("text", ["[<matplotlib.lines.Line2D at 0x1>]", "Text(0.5, 1.0, 'x')"])
def test_matplotlibs_objects_are_known(text: str) -> None:
    assert PLOT.match(text)
    assert not PLOT.match("42")
