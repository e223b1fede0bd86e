"""What goes wrong in a cell, shown without our own frames."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from sparkmagic.livyclientlib.exceptions import LivyClientLibException

log = logging.getLogger("hopyard.notebook")


class _Plain:
    """An error shown as the traceback of the driver, or as one sentence: not our own frames."""

    lines: list[str]

    def _render_traceback_(self) -> list[str]:
        return self.lines


def _sentence(error: LivyClientLibException) -> list[str]:
    return [f"\x1b[31m{error}\x1b[0m"]


# Sparkmagic's own errors say what was wrong in a sentence too: no need for its frames.
LivyClientLibException._render_traceback_ = _sentence


class LivyError(_Plain, LivyClientLibException):  # type: ignore[misc]
    """What went wrong between the kernel and the Livy server, in a sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lines = [f"\x1b[31m{message}\x1b[0m"]


class SessionOver(LivyError):
    """There is no session any more; the next cell makes a new one."""


class StatementError(_Plain, LivyClientLibException):  # type: ignore[misc]
    """An error of the user's code in the driver; the class shown has the driver's name."""

    @classmethod
    def of(cls, output: dict[str, Any]) -> StatementError:
        """Make the error from a statement's output."""
        error: StatementError = type(output.get("ename") or "Error", (cls,), {})(
            output.get("evalue", "")
        )
        lines = [line.rstrip("\n") for line in output.get("traceback") or ()]
        message = str(error).strip()
        if not lines or message.partition("\n")[0].strip() not in "\n".join(lines):
            # Scala's traceback says where and not what.
            lines = [f"\x1b[31m{type(error).__name__}\x1b[0m: {message}", *lines]
        error.lines = lines
        return error


class Interrupted(_Plain, KeyboardInterrupt):
    """The user interrupted the cell."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lines = [message]


Interrupted.__name__ = "KeyboardInterrupt"


def guarded(magic: Callable[..., Any]) -> Callable[..., Any]:
    """Return a magic whose own faults are sentences too; their frames are in the kernel's log."""

    @functools.wraps(magic)
    def run(*arguments: Any, **named: Any) -> Any:
        try:
            return magic(*arguments, **named)
        except (LivyClientLibException, Interrupted):
            raise
        except KeyboardInterrupt:
            raise Interrupted("Interrupted.") from None
        except Exception as error:
            log.exception("a magic failed")
            kind = type(error).__name__
            raise LivyError(
                f"This magic failed ({kind}: {error}); the kernel's log has more."
            ) from None

    return run
