"""Sparkmagic's kernel magics on our session, with rich output and errors that fail the cell."""

from __future__ import annotations

from typing import Any

from IPython.display import display
from sparkmagic.kernels.kernelmagics import KernelMagics
from sparkmagic.utils import configuration

from hopyard.notebook.kernels import tables
from hopyard.notebook.kernels.live import Cell
from hopyard.notebook.kernels.livy import Controller, Session, run

RICH = ("image/png", "image/jpeg", "image/svg+xml", "text/html")


class Magics(KernelMagics):  # type: ignore[misc]
    """The magics of one notebook."""

    session_started: bool

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.spark_controller = Controller(self.ipython_display)
        self.language = "python"
        self.refresh_configuration()

    def _do_not_call_start_session(self, line: str, cell: str = "", local_ns: Any = None) -> bool:
        """Start the session at the first cell; what fails may be tried again with the next."""
        if not self.session_started:
            properties = configuration.get_session_properties(self.language)
            self.spark_controller.add_session(self.session_name, self.endpoint, False, properties)
            self.session_started = True
        return True

    @property
    def _session(self) -> Session:
        session: Session = self.spark_controller.get_session_by_name_or_default(self.session_name)
        return session

    def execute_spark(
        self,
        cell: str,
        output_var: str | None,
        samplemethod: str | None,
        maxrows: int | None,
        samplefraction: float | None,
        session_name: str | None,
        coerce: bool | None,
        output_handler: Any = None,
    ) -> None:
        """Run a cell in the driver and show what it gave."""
        if not cell.strip() and output_var is None:
            return
        if output_handler is not None:
            self._show(run(self._session, cell), output_handler)
        elif cell.strip():
            session = self._session
            http = session.http_client._http_client
            Cell(self.shell.kernel, http, session).run(cell, "pyspark")
        if output_var is not None:
            query = self._query(output_var, samplemethod, maxrows, samplefraction, coerce)
            self.shell.user_ns[output_var] = tables.fetch(self._session, query)

    def execute_sqlquery(
        self,
        cell: str,
        samplemethod: str | None,
        maxrows: int | None,
        samplefraction: float | None,
        session: str | None,
        output_var: str | None,
        quiet: bool,
        coerce: bool | None,
    ) -> Any:
        """Run SQL in the driver; return its rows as a pandas DataFrame."""
        query = self._query(
            f"spark.sql({cell.strip()!r})", samplemethod, maxrows, samplefraction, coerce
        )
        frame = tables.fetch(self._session, query)
        if output_var is not None:
            self.shell.user_ns[output_var] = frame
        return None if quiet or not len(frame.columns) else frame

    @staticmethod
    def _query(
        expression: str,
        method: str | None,
        rows: int | None,
        fraction: float | None,
        coerce: bool | None,
    ) -> tables.Query:
        return tables.Query(
            expression,
            method or configuration.default_samplemethod(),
            configuration.default_maxrows() if rows is None else rows,
            configuration.default_samplefraction() if fraction is None else fraction,
            coerce is not False,
        )

    def _show(self, data: dict[str, Any], handler: Any) -> None:
        rich = {mime: value for mime, value in data.items() if mime in RICH}
        text = data.get("text/plain", "")
        if text and not ("text/html" in rich and len(rich) == 1):
            handler.text(text)
        if rich:
            display(rich if text == "" else {**rich, "text/plain": text}, raw=True)
