"""A page's connection to a kernel: what it asks to run and what it is sent go past the recorder.

JupyterLab names the cell in the metadata of `execute_request`; the Classic Notebook does so by our
script (`share/jupyter/nbextensions/hopyard-outputs`). Requests that name no cell, as those of a
console, are not recorded.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1

from hopyard.notebook.connection import PromptConnection
from hopyard.notebook.recorder.recorder import Recorder
from hopyard.notebook.recorder.run import Run

NUMBER = "hopyard"
"""The key of a message's number, in its metadata."""


class Connection(PromptConnection):
    """A page's connection, with an ear."""

    _told = False

    @property
    def _recorder(self) -> Recorder:
        recorder: Recorder = self.multi_kernel_manager.recorder
        return recorder

    def connect(self) -> Any:
        """Connect; from now on this page sees what the kernel says."""
        self._told = True
        self._recorder.opened(self.kernel_id, self.session_id)
        connected = super().connect()
        if self.channels and "stdin" not in self.channels:
            kept = self.multi_kernel_manager.take_stdin(self.session_key)
            self.channels["stdin"] = kept or self._new_stdin()
        return connected and asyncio.ensure_future(self._ready(connected))

    async def _ready(self, connected: asyncio.Future[None]) -> None:
        """Wait for the page's channels, and for the recorder's: then cells may come."""
        await connected
        if self.kernel_id in self.multi_kernel_manager:
            await self.multi_kernel_manager.hear(self.kernel_id)

    def create_stream(self) -> None:
        """Open the channels; an input request may wait on one that is still open."""
        super().create_stream()
        if kept := self.multi_kernel_manager.take_stdin(self.session_key):
            self.channels["stdin"].close()
            self.channels["stdin"] = kept

    def _new_stdin(self) -> Any:
        stream = self.kernel_manager.connect_stdin(identity=self.session.bsession)
        stream.channel = "stdin"
        return stream

    def disconnect(self) -> None:
        """Disconnect; what this page asked for is recorded on."""
        if self._told:
            self._told = False
            if self.kernel_id in self.multi_kernel_manager:
                self.multi_kernel_manager.keep_stdin(self)
            self._recorder.closed(self.kernel_id, self.session_id)
        super().disconnect()

    def handle_incoming_message(self, incoming_msg: str | bytes) -> None:
        """Note which cell is to run, and hand the message to the kernel."""
        self._note(incoming_msg)
        super().handle_incoming_message(incoming_msg)

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        """Number what the kernel published, and hand it to the page."""
        channel = stream if isinstance(stream, str) else stream.channel
        if channel == "iopub":
            identities, parts = self.session.feed_identities(outgoing_msg)
            header, parent, metadata, content = map(bytes, parts[1:5])
            number = self._recorder.published(self.kernel_id, header, parent, content)
            rest = b"}" if metadata.strip() == b"{}" else b"," + metadata.lstrip()[1:]
            metadata = b'{"%s":%d' % (NUMBER.encode(), number) + rest
            signed = [header, parent, metadata, content]
            outgoing_msg = [
                *identities,
                b"<IDS|MSG>",
                self.session.sign(signed),
                *signed,
                *parts[5:],
            ]
        elif channel == "stdin":
            _, parts = self.session.feed_identities(outgoing_msg)
            self._recorder.asked(
                {
                    "header": json.loads(parts[1]),
                    "parent_header": json.loads(parts[2]),
                    "content": json.loads(parts[4]),
                }
            )
        super().handle_outgoing_message(stream, outgoing_msg)

    def _note(self, message: str | bytes) -> None:
        if self.subprotocol == "v1.kernel.websocket.jupyter.org":
            channel, parts = deserialize_msg_from_ws_v1(message)
            if channel != "shell" or b"execute_request" not in parts[0]:
                return
            header, metadata, content = (json.loads(parts[n]) for n in (0, 2, 3))
        else:
            # A message with buffers is binary, and is never a cell's.
            if isinstance(message, bytes) or '"execute_request"' not in message:
                return
            whole = json.loads(message)
            header, metadata, content = whole["header"], whole["metadata"], whole["content"]
        if header["msg_type"] != "execute_request" or content.get("silent"):
            return
        cell = metadata.get("cellId")
        paths = self.multi_kernel_manager.notebooks(self.kernel_id)
        if isinstance(cell, str) and paths:
            self._recorder.submitted(
                Run(
                    id=header["msg_id"],
                    kernel=self.kernel_id,
                    session=self.session_id,
                    paths=paths,
                    cell=cell,
                    code=content["code"],
                )
            )
