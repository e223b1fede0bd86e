"""What a kernel publishes, in whatever form: one message spoils nothing but its own statement."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest

from hopyard.driver.interpreters.published import Execution, Fault, take, take_payload
from hopyard.driver.interpreters.wire import DELIMITER, Wire
from hopyard.driver.outbox import Outbox
from hopyard.driver.output import StatementOutput
from hopyard.protocol.messages import UP

KEY = b"key"
ODD: tuple[Any, ...] = (None, 7, True, "x", "\udce9", [], ["a", "b"], [1], {}, {"a": {}}, 1e999)
FIELDS = ("execution_state", "ename", "evalue", "traceback", "data", "metadata", "transient")
FIELDS += ("name", "text", "wait")
KINDS = ("status", "error", "execute_result", "display_data", "update_display_data", "stream")
KINDS += ("clear_output", "comm_open", "")


async def test_no_content_of_any_form_raises() -> None:
    outbox = Outbox()
    output = StatementOutput(1, outbox, 10_000)
    for kind in KINDS:
        for value in ODD:
            for field in FIELDS:
                execution = Execution(output, asyncio.get_running_loop().create_future())
                take(execution, kind, {field: value})
                take(execution, kind, {"data": {"text/plain": value}, field: value})
                take(execution, kind, {"data": {"text/plain": "x"}, "metadata": {"hopyard": value}})
    for value in (*ODD, [7], [{"source": "page", "data": 7}], [{"source": "set_next_input"}]):
        take_payload(output, value)
    output.flush()
    for _ in range(outbox.last_seq):
        UP.validate_json(await outbox.next())


async def test_metadata_of_the_user_stays_the_users() -> None:
    execution = Execution(None, asyncio.get_running_loop().create_future())
    take(execution, "display_data", {"data": {"text/plain": "a"}, "metadata": {"hopyard": 1}})
    assert execution.data is None and execution.error is None
    marked = {"data": {"text/plain": "a"}, "metadata": {"hopyard": {"result": True}}}
    take(execution, "display_data", marked)
    assert execution.data == {"text/plain": "a"}
    error = {"ename": "E", "evalue": "v", "traceback": ["t"]}
    take(execution, "display_data", {"data": {}, "metadata": {"hopyard": {"error": error}}})
    assert execution.error == Fault("E", "v", ("t",))


def frames(*parts: bytes) -> list[bytes]:
    signature = hmac.new(KEY, digestmod=hashlib.sha256)
    for part in parts:
        signature.update(part)
    return [b"topic", DELIMITER, signature.hexdigest().encode(), *parts]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"text": "caf\xe9.txt"}', {"text": "caf\ufffd.txt"}),
        (b'{"text": "\\ud800"}', {"text": "\ud800"}),
        (b'{"x": NaN}', None),
        (b"[1]", "list instead of an object"),
        (b"{", "Expecting"),
        (b'{"x": ' + b"1" * 5000 + b"}", "4300 digits"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "recursion"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_content_that_cannot_be_read_still_has_its_request(content: bytes, expected: Any) -> None:
    head = json.dumps({"msg_type": "stream"}).encode()
    message = Wire(KEY).read(frames(head, b'{"msg_id": "r1"}', b"{}", content))
    assert message is not None
    assert (message.type, message.parent) == ("stream", "r1")
    if isinstance(expected, str):
        assert message.fault is not None and expected in message.fault
    elif expected is not None:
        assert message.content == expected


def test_frames_that_are_no_message_are_left_out() -> None:
    wire = Wire(KEY)
    for wrong in ([], [DELIMITER], [DELIMITER, b"x"], frames(b"{}", b"{}", b"{}", b"{}")):
        assert wire.read(wrong) is None
    assert wire.read(frames(b'{"msg_type": 1}', b"[]", b"", b"")) is None
