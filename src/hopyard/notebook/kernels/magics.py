"""Sparkmagic's kernel magics on our session, with live output and errors that fail the cell."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Container
from typing import Any, NoReturn

from hdijupyterutils.ipythondisplay import IpythonDisplay
from IPython.core.magic import cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments
from sparkmagic.kernels import kernelmagics
from sparkmagic.kernels.kernelmagics import KernelMagics
from sparkmagic.utils import configuration
from sparkmagic.utils.utils import parse_argstring_or_throw

from hopyard.notebook.kernels import attach, chosen, tables
from hopyard.notebook.kernels.errors import Interrupted, LivyError, StatementError, guarded
from hopyard.notebook.kernels.fetching import Fetching
from hopyard.notebook.kernels.language import PYTHON, Language
from hopyard.notebook.kernels.live import Cell
from hopyard.notebook.kernels.parser import unknown_magic
from hopyard.notebook.kernels.session import Controller, Session
from hopyard.protocol.properties import refusal

MORE_HELP = """
  <tr><td>attach</td><td>%%attach<br>%%attach -s 3<br>%%attach -s report</td><td>Lists your running
    sessions, or goes on with one of them, by number or name. -f ends this notebook's own session
    first.</td></tr>
  <tr><td>share</td><td>%%configure<br>{"conf": {"hopyard.session.share": "report"}}</td>
    <td>Notebooks of yours with the same name here use one Spark application, each with variables,
    temporary views and settings of its own.</td></tr>
  <tr><td>matplot</td><td>%matplot plt</td><td>Shows a figure of the driver's matplotlib.</td></tr>
  <tr><td>-o</td><td>%%sql -o df -n -1</td><td>Rows come with their types: 2,500 at most, unless -n
    says otherwise; it is said when there were more.</td></tr>
  <tr><td>pip</td><td>%pip install NAME</td><td>Installs a package until the session ends, in its
    driver and the executors on this machine; below %%local, for the Jupyter server until it stops.
    </td></tr>
  <tr><td>others</td><td>%time, %env, !ls</td><td>IPython's own magics run in the driver;
    below %%local, in the kernel.</td></tr>
"""
YES, NO = ("true", "yes", "t", "y", "1"), ("false", "no", "f", "n", "0")
TEXTS = "As Spark's own text, since pandas has no such values"
KINDS = "str (a text) or df (a pandas DataFrame or Series)"


class Display(IpythonDisplay):  # type: ignore[misc]
    """Sparkmagic prints its complaints; here they fail the cell, so that Run All stops."""

    def send_error(self, error: object) -> NoReturn:
        """Refuse."""
        raise LivyError(str(error))


class Kept:
    """In the place of a display: keeps what it is to show."""

    shown = ""

    def html(self, text: str) -> None:
        """Keep some HTML."""
        self.shown += text


@magics_class
class Magics(KernelMagics):  # type: ignore[misc]
    """The magics of one notebook.

    Args:
        shell: the kernel's IPython.
        language: of the cells without a magic.
    """

    session_started: bool

    def __init__(self, shell: Any, language: Language) -> None:
        super().__init__(shell)
        self.ipython_display: Any = Display()
        self.spark_controller = Controller(self.ipython_display)
        self.speaks = language
        self.language = language.name
        for table in self.magics.values():
            table.update({name: guarded(function) for name, function in table.items()})
        self.refresh_configuration()

    @property
    def session(self) -> Session | None:
        """The session, if there is one that is not over."""
        if not self.session_started:
            return None
        found: Session = self.spark_controller.get_session_by_name_or_default(self.session_name)
        return None if found.lost else found

    @property
    def _session(self) -> Session:
        found = self.session
        if found is None:
            raise LivyError("There is no Spark session yet: the first cell starts it.")
        return found

    def _do_not_call_start_session(self, line: str, cell: str = "", local_ns: Any = None) -> bool:
        """Start the session at the first cell, and a new one after it was lost.

        What fails may be tried again with the next cell.
        """
        if self.session_started and self.session is None:
            with contextlib.suppress(LivyError):
                self.spark_controller.delete_session_by_name(self.session_name)
            self.session_started = False
        if not self.session_started:
            try:
                chosen.refresh(self.endpoint.auth, self.speaks)
                properties = configuration.get_session_properties(self.language)
                attach.begin(self.spark_controller, self.session_name, self.endpoint, properties)
            except KeyboardInterrupt:
                raise Interrupted("Interrupted: no Spark session was started.") from None
            self.session_started = True
        return True

    @functools.wraps(KernelMagics.info)
    def info(self, line: str, cell: str = "", local_ns: Any = None) -> None:
        """Show the session; without one, what the first cell would start."""
        if self.session is None:
            chosen.refresh(self.endpoint.auth, self.speaks)
        super().info(line, cell, local_ns)

    @functools.wraps(KernelMagics.help)
    def help(self, line: str, cell: str = "", local_ns: Any = None) -> None:
        """List the magics: sparkmagic's, then what is ours."""
        display, kept = self.ipython_display, Kept()
        self.ipython_display = kept
        try:
            super().help(line, cell, local_ns)
        finally:
            self.ipython_display = display
        table = kept.shown.replace("</table>", f"{MORE_HELP}</table>")
        for cell_of in ("td", "th"):
            # Jupyter puts what is in tables to the right, as numbers are.
            table = table.replace(f"<{cell_of}>", f'<{cell_of} style="text-align: left">')
        display.html(table)

    @magic_arguments()  # type: ignore[untyped-decorator]
    @cell_magic  # type: ignore[untyped-decorator]
    @argument("-s", "--session", nargs="+", help="Number or name.")  # type: ignore[untyped-decorator]
    @argument("-f", "--force", action="store_true")  # type: ignore[untyped-decorator]
    def attach(self, line: str, cell: str = "", local_ns: Any = None) -> None:
        """List the user's running sessions, or go on with one of them."""
        arguments = parse_argstring_or_throw(self.attach, line)
        self._assure_cell_body_is_empty("attach", cell)
        own = self.session
        sessions = attach.running(self.spark_controller.http(self.endpoint))
        if arguments.session is None:
            self.ipython_display.html(attach.table(sessions, own.id if own else None))
            return
        number = attach.choose(sessions, " ".join(arguments.session).strip("'\""))
        if own is not None and own.id == number:
            raise LivyError(f"Spark session {number} is this notebook's already.")
        if own is not None and not own.borrowed and not arguments.force:
            raise LivyError(
                f"This notebook has Spark session {own.id}: with -f, %%attach ends that one first."
            )
        self._do_not_call_delete_session("")
        attach.attach(
            self.spark_controller, self.session_name, self.endpoint, self.speaks.kind, number
        )
        self.session_started = True

    @cell_magic  # type: ignore[untyped-decorator]
    def _do_not_call_misplaced(self, line: str, cell: str = "", local_ns: Any = None) -> None:
        """Say that a magic must come first."""
        raise LivyError(
            f"{line.strip()} must be the first in its cell: only empty lines may stand above it."
        )

    @functools.wraps(KernelMagics.spark)
    def spark(self, line: str, cell: str = "", local_ns: Any = None) -> None:
        """Run a cell in the driver; one with a magic that nobody knows starts no session."""
        if self.session is None and (word := unknown_magic(cell, self._known())):
            raise LivyError(word)
        super().spark(line, cell, local_ns)

    def _known(self) -> Container[str]:
        """Return IPython's magics for cells, where it understands the driver's cells."""
        return self.shell.magics_manager.magics["cell"] if self.speaks is PYTHON else ()

    @functools.wraps(KernelMagics.configure)
    def configure(self, line: str, cell: str = "", local_ns: Any = None) -> None:
        """Set what the session is started with; the platform's own properties are refused."""
        check_settings(cell)
        before = configuration.session_configs()
        try:
            super().configure(line, cell, local_ns)
        except LivyError:
            self._override_session_settings(before)
            raise

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
        """Run a cell in the driver and show what it gives, as it comes."""
        sample = self._sample(samplemethod, maxrows, samplefraction, coerce)
        if output_var is not None:
            tables.check_name(output_var)
        if cell.strip():
            # Sparkmagic's %%pretty is known by its handler.
            self._run(cell, pretty=output_handler is not None)
        if output_var is not None:
            with Fetching(self.shell.kernel) as fetching:
                found = tables.of_variable(self._session, self.speaks, output_var, sample, fetching)
            self._keep(output_var, found, sample)

    def _run(self, cell: str, *, pretty: bool) -> None:
        word = unknown_magic(cell, self._known())
        if word and self.speaks is not PYTHON:
            raise LivyError(word)
        try:
            Cell(self.shell.kernel, self._session, pretty=pretty).run(cell, self.speaks.kind)
        except StatementError as error:
            # The driver may know magics that are not known here.
            if word and str(error).startswith("Cell magic"):
                raise LivyError(word) from None
            raise

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
        sample = self._sample(samplemethod, maxrows, samplefraction, coerce)
        if not cell.strip():
            raise LivyError("%%sql needs a query, below its first line.")
        if output_var is not None:
            tables.check_name(output_var)
        with Fetching(self.shell.kernel) as fetching:
            found = tables.of_query(self._session, cell.strip(), sample, fetching)
        self._keep(output_var, found, sample)
        return None if quiet or not len(found.frame.columns) else found.frame

    def _keep(self, name: str | None, found: tables.Fetched, sample: tables.Sample) -> None:
        if name is not None:
            self.shell.user_ns[name] = found.frame
        if found.texts:
            columns = ", ".join(f"{column} ({kind})" for column, kind in found.texts)
            self.ipython_display.writeln(f"{TEXTS}: {columns}.")
        if found.cut:
            self.ipython_display.writeln(
                f"The first {sample.rows:,} rows only: -n NUMBER for more, -n -1 for all."
            )

    @staticmethod
    def _sample(
        method: str | None, rows: int | None, fraction: float | None, coerce: bool | None
    ) -> tables.Sample:
        return tables.Sample(
            method or configuration.default_samplemethod(),
            configuration.default_maxrows() if rows is None else rows,
            configuration.default_samplefraction() if fraction is None else fraction,
            coerce is not False,
        )

    def do_send_to_spark(
        self,
        cell: str,
        input_variable_name: str,
        var_type: str,
        output_variable_name: str | None,
        max_rows: int | None,
        session_name: str | None,
    ) -> None:
        """Give a local variable to the driver."""
        value = self.shell.user_ns.get(input_variable_name)
        if value is None:
            raise LivyError(f"There is no local variable {input_variable_name} (or it is None).")
        name = output_variable_name or input_variable_name
        tables.check_name(name)
        if var_type.lower() == "str" and isinstance(value, str):
            tables.send_text(self._session, self.speaks, value, name)
        elif var_type.lower() == "df" and hasattr(value, "iloc"):
            rows = configuration.default_maxrows() if max_rows is None else max_rows
            sent = value if rows < 0 or len(value) <= rows else value.iloc[:rows]
            tables.send(self._session, self.speaks, sent, name)
            if len(sent) < len(value):
                self.ipython_display.writeln(
                    f"The first {rows:,} of {len(value):,} rows only: -m NUMBER for more."
                )
        else:
            kind = type(value).__name__
            raise LivyError(f"-t must be {KINDS}, and fit {input_variable_name}, a {kind}.")
        self.ipython_display.writeln(f"{input_variable_name} is {name} in Spark now.")

    def matplot(self, line: str, cell: str = "", local_ns: Any = None) -> None:
        """Show a figure of the driver's matplotlib."""
        if self.speaks is not PYTHON:
            raise LivyError("%matplot is for Python: use the PySpark kernel.")
        self._do_not_call_start_session("")
        Cell(self.shell.kernel, self._session).run(f"%matplot {line}", self.speaks.kind)


for _kind, _inherited in KernelMagics.magics.items():
    # IPython's decorator knows only what is in the class itself.
    Magics.magics[_kind] = _inherited | Magics.magics[_kind]


def coerced(word: str | None) -> bool | None:
    """Return what `-c` says; sparkmagic takes any word that it does not know for no."""
    if word is None or word.lower() in YES + NO:
        return None if word is None else word.lower() in YES
    raise LivyError(f"-c (coerce the types) must be True or False, not {word}.")


kernelmagics.get_coerce_value = coerced


def check_settings(text: str) -> None:
    """Refuse settings of a session that are no JSON object, or are the platform's."""
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise LivyError(f"%%configure takes a JSON object below its first line: {error}.") from None
    if not isinstance(settings, dict) or not isinstance(settings.get("conf", {}), dict):
        raise LivyError('%%configure takes a JSON object, such as {"conf": {"spark.x": "y"}}.')
    for name in settings.get("conf", {}):
        # A server that stands alone lets people choose their master.
        if (reason := refusal(name)) and name != "spark.master":
            raise LivyError(f"{name} cannot be set: {reason}.")
