"""What the three kernels have in common: cells run in a Spark driver, through the Livy server.

Made from sparkmagic's kernels. The process holds no Spark: it parses magics, sends code and shows
what comes back; `%%local` cells run in it.
"""

from __future__ import annotations

import os
import sys
from typing import Any, ClassVar

from hopyard import packages
from hopyard.kernels import restoring
from hopyard.notebook.kernels import sparkmagic as parts
from hopyard.notebook.kernels.language import Language

parts.load()

from ipykernel.ipkernel import IPythonKernel  # noqa: E402
from sparkmagic.kernels.wrapperkernel.sparkkernelbase import SparkKernelBase  # noqa: E402

from hopyard.notebook.kernels import assist, picker  # noqa: E402
from hopyard.notebook.kernels.magics import Magics  # noqa: E402
from hopyard.notebook.kernels.parser import Parser, Place, magic_of, part_at  # noqa: E402

ASIDE = {"complete_request": "complete_reply", "inspect_request": "inspect_reply"}
"""Requests that are answered also while a cell runs, and their answers."""


class Kernel(SparkKernelBase):  # type: ignore[misc]
    """Sparkmagic's kernel on today's ipykernel: asynchronous, without a patched event loop."""

    implementation = "hopyard"
    speaks: ClassVar[Language]

    def __init__(self, **arguments: Any) -> None:
        language = self.speaks
        self._assistant = assist.Assistant(language)
        self._cell: dict[str, Any] | None = None
        """The request of the cell that runs."""
        super().__init__(
            implementation="hopyard",
            implementation_version="1",
            language=language.name,
            language_version=language.info["version"],
            language_info=dict(language.info),
            session_language=language.name,
            user_code_parser=Parser(language),
            **arguments,
        )

    @property
    def banner(self) -> str:
        """What a console shows first."""
        return f"{self.speaks.title} on Hopyard"

    def _load_magics_extension(self) -> None:
        # The original runs a `%load_ext` cell, before the kernel can run cells.
        self.magics = Magics(self.shell, self.speaks)
        self.shell.register_magics(self.magics)
        # `exit()` in a `%%local` cell ends the kernel, as in plain Jupyter.
        self.shell.observe(lambda _: self.magics.spark_controller.end_all(), "exit_now")
        restoring.register(self.shell)
        picker.register(self.shell)
        packages.load_ipython_extension(self.shell)
        sys.path.insert(0, "")  # for `%%local`: only now, so that no file replaces one of ours

    def _change_language(self) -> None:
        """Nothing: `Magics` speaks its language from the start."""

    async def execute_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Take a cell; from before a page hears of it, what it asks meanwhile is answered aside."""
        self._cell = parent
        try:
            await super().execute_request(stream, ident, parent)
        finally:
            self._cell = None

    async def do_execute(
        self,
        code: str,
        silent: bool,
        store_history: bool = True,
        user_expressions: Any = None,
        allow_stdin: bool = False,
        **more: Any,
    ) -> Any:
        """Run one cell; what fails in it is the reply's error, so that Run All stops."""
        self._assistant.learn(code)
        return await IPythonKernel.do_execute(
            self,
            self.user_code_parser.get_code_to_run(code),
            silent,
            store_history,
            user_expressions,
            allow_stdin,
            **more,
        )

    def do_complete(self, code: str, cursor_pos: int) -> Any:
        """Say what may stand at the cursor."""
        part = part_at(code, cursor_pos)
        if part.place is Place.MAGIC:
            ours = assist.magics(code, cursor_pos, part.offset)
            if ours["matches"] or magic_of(code):
                return ours
        inner, cursor = code[part.offset :], cursor_pos - part.offset
        if part.place is Place.LOCAL:
            answer = IPythonKernel.do_complete(self, inner, cursor)
        else:
            kind = "sql" if part.place is Place.SQL else self.speaks.kind
            answer = self._assistant.complete(self.magics.session, kind, inner, cursor)
        return _moved(answer, part.offset)

    def do_inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> Any:
        """Say what stands at the cursor."""
        part = part_at(code, cursor_pos)
        inner, cursor = code[part.offset :], cursor_pos - part.offset
        if part.place in (Place.LOCAL, Place.MAGIC):
            return IPythonKernel.do_inspect(self, inner, cursor, detail_level, omit_sections)
        kind = "sql" if part.place is Place.SQL else self.speaks.kind
        return self._assistant.inspect(self.magics.session, kind, inner, cursor, detail_level)

    def do_is_complete(self, code: str) -> dict[str, str]:
        """Say whether a console's input is whole; only Python's is known here."""
        if self.speaks.name == "python":
            found: dict[str, str] = IPythonKernel.do_is_complete(self, code)
            return found
        return {"status": "unknown"}

    async def shell_channel_thread_main(self, msg: Any) -> None:
        """Take a request; while a cell runs, those about typing are answered beside it."""
        if not (self._cell and self._answered_aside(msg, self._cell)):
            await super().shell_channel_thread_main(msg)

    def _answered_aside(self, frames: Any, cell: dict[str, Any]) -> bool:
        """Answer a completion or inspection without the driver, if it is one."""
        identities, rest = self.session.feed_identities(frames, copy=False)
        try:
            request = self.session.deserialize(rest, content=False, copy=False)
        except ValueError:  # not signed by us: the original says so
            return False
        kind = request["header"]["msg_type"]
        if kind not in ASIDE:
            return False
        asked = self.session.unpack(request["content"])
        if kind == "complete_request":
            code, cursor = asked["code"], asked["cursor_pos"]
            answer = self._assistant.known(code, cursor, assist.BUSY)
        else:
            answer = assist.unknown(assist.BUSY)
        self._publish_status("busy", "shell", parent=request)
        stream = self.shell_channel_thread.shell_stream
        self.session.send(stream, ASIDE[kind], answer, parent=request, ident=identities)
        self._publish_status("idle", "shell", parent=request)
        # Browsers show the last status, whatever it belongs to.
        self._publish_status("busy", "shell", parent=cell)
        return True

    async def do_shutdown(self, restart: bool) -> Any:
        """End the Spark session, then the kernel."""
        self.magics.spark_controller.end_all()
        return IPythonKernel.do_shutdown(self, restart)


def _moved(answer: dict[str, Any], offset: int) -> dict[str, Any]:
    """Let an answer about a part of a cell be one about the cell."""
    types = answer["metadata"].get("_jupyter_types_experimental", ())
    for place in (answer, *types):
        for name in ("cursor_start", "cursor_end", "start", "end"):
            if isinstance(place.get(name), int):
                place[name] += offset
    return answer


def run(kernel: type[Kernel]) -> None:
    """Run a kernel; `-f CONNECTION_FILE` is its argument."""
    parts.configure(os.environ, kernel.speaks)
    from traitlets.config import Config

    from hopyard.kernels.publisher import PublishingKernelApp

    # IPython's history on the disk: a millisecond a cell, and the notebook has its cells itself.
    config = Config({"HistoryManager": {"enabled": False}})
    # Half a millisecond that ipykernel sleeps after each cell, for output that we do not have.
    config.Kernel._execute_sleep = 0.0
    config.IPKernelApp.outstream_class = "hopyard.kernels.streams.Stream"
    PublishingKernelApp.launch_instance(kernel_class=kernel, config=config)
