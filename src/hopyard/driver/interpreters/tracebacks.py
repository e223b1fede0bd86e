"""Errors of Python cells as users see them: their own frames, without colours and our inside."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import traceback
import types
from pathlib import Path
from typing import Any

from hopyard.driver.interpreters.text import without_java_frames


def register(shell: Any) -> None:
    """Let a shell show errors so; also those of threads."""
    shell.InteractiveTB.structured_traceback = _plain_traceback
    shell.SyntaxTB.structured_traceback = _plain_traceback
    shell.show_usage_error = lambda error: None  # it is the cell's error already
    _show_groups(shell)
    _show_unspeakable(shell)
    threading.excepthook = _show_of_thread


def _show_groups(shell: Any) -> None:
    """Show exception groups as other errors are; IPython prints them, with all its frames."""
    show = shell.showtraceback

    def shown(exc_tuple: Any = None, *arguments: Any, **named: Any) -> None:
        try:
            etype, value, trace = shell._get_exc_info(exc_tuple)
        except ValueError:  # there is none: it says so
            etype = value = None
        if value is not None and _has_group(value) and not isinstance(value, SyntaxError):
            shell._showtraceback(etype, value, _plain_traceback(etype, value, trace))
        else:
            show(exc_tuple, *arguments, **named)

    shell.showtraceback = shown


def _show_unspeakable(shell: Any) -> None:
    """Show errors whose own text cannot be made; IPython shows what failed in place of them."""
    show = shell._showtraceback

    def shown(etype: type[BaseException], value: BaseException, lines: list[str]) -> None:
        show(etype, _speakable(value), lines)

    def told(result: Any) -> None:
        if result.error_in_exec is not None:
            result.error_in_exec = _speakable(result.error_in_exec)

    # For a history that is not kept here (HistoryManager.enabled); it would make the text again.
    shell._format_exception_for_storage = lambda *_, **__: {}
    shell._showtraceback = shown
    shell.events.register("post_run_cell", told)


def _speakable(error: BaseException) -> BaseException:
    """Return an error, or one of the same name in its place if its text cannot be made."""
    try:
        str(error)
    except Exception:
        named: type[Exception] = type(type(error).__name__, (Exception,), {})
        return named("its text cannot be made: __str__ fails")
    return error


def _has_group(error: BaseException | None) -> bool:
    """Say whether IPython would not show an error itself."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, BaseExceptionGroup):
            return True
        seen.add(id(error))
        error = error.__context__
    return False


def _show_of_thread(failed: threading.ExceptHookArgs) -> None:
    """Print the error of a thread that nobody waits for."""
    if failed.exc_type is SystemExit:
        return
    name = failed.thread.name if failed.thread is not None else threading.get_ident()
    lines = _plain_traceback(failed.exc_type, failed.exc_value, failed.exc_traceback)
    print(f"Exception in thread {name}:\n{''.join(lines)}", end="", file=sys.stderr, flush=True)


def _internal_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.add(str(Path(__file__).resolve().parents[2]))
    return (*(folder + os.sep for folder in folders), "<frozen ")


_INTERNAL = _internal_folders()


def _plain_traceback(
    etype: Any = None, evalue: Any = None, etb: Any = None, *_: Any, **__: Any
) -> list[str]:
    """Return a traceback as lines without colours, with the user's frames only."""
    if isinstance(etype, tuple):
        etype, evalue, etb = etype
    if not isinstance(etb, types.TracebackType):  # IPython gives a list for a SyntaxError
        etb = getattr(evalue, "__traceback__", None)
    shown = traceback.TracebackException(etype, evalue, etb, compact=True)
    _keep_user_frames(shown)
    return [without_java_frames(line) for line in shown.format()]


def _keep_user_frames(shown: traceback.TracebackException) -> None:
    shown.stack[:] = [
        _named(frame) for frame in shown.stack if not frame.filename.startswith(_INTERNAL)
    ]
    if shown.__dict__.get("filename"):  # of a SyntaxError
        shown.filename = _cell_name(shown.filename or "")
    for inner in (shown.__cause__, shown.__context__, *(shown.exceptions or ())):
        if inner is not None:
            _keep_user_frames(inner)


def _named(frame: traceback.FrameSummary) -> traceback.FrameSummary:
    name = _cell_name(frame.filename)
    function = "<module>" if frame.name.startswith("<cell line") else frame.name
    return traceback.FrameSummary(name, frame.lineno, function, lookup_line=False, line=frame.line)


def _cell_name(filename: str) -> str:
    return "<cell>" if f"ipykernel_{os.getpid()}" in filename else filename
