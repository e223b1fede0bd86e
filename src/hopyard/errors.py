"""The tree of errors that a user may see.

Each carries one sentence that says what is wrong and what is allowed. Status codes are added only
at the edge (`web/` and `livy/` map the classes below to HTTP; `cli/` to an exit code).

HopyardError
├── InvalidInput        the request is not of an allowed form (400, or 422 at a form's field)
│   └── InvalidForm     several fields at once (422)
├── NotSignedIn         nobody is known to be asking (401)
├── NotAllowed          known, a member, and still not permitted (403)
├── NotFound            is not there, or the one who asks may not know of it (404)
├── Conflict            is there already, or is in a state that forbids it (409)
├── TooMany             a limit was reached (429)
├── Unavailable         something that this needs does not answer (503)
└── SetupError          the machine or a setting does not allow to start (exit code 1)
"""

from __future__ import annotations


class HopyardError(Exception):
    """The base of all errors that are shown to a user as a sentence."""


class InvalidInput(HopyardError):
    """The request is not of an allowed form.

    Args:
        message: one sentence, with what is allowed.
        field: the name of the form field or JSON key it belongs to, if there is one.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidForm(InvalidInput):
    """Several fields are wrong.

    Args:
        faults: for each field one sentence, with what is allowed.
    """

    def __init__(self, faults: dict[str, str]) -> None:
        first = next(iter(faults))
        super().__init__(faults[first], first)
        self.faults = faults


class NotSignedIn(HopyardError):
    """Nobody is known to be asking."""


class NotAllowed(HopyardError):
    """The one who asks is known, but is not permitted to do this."""


class NotFound(HopyardError):
    """It is not there, or the one who asks may not know of it."""


class Conflict(HopyardError):
    """It is there already, or it is in a state that forbids the request."""


class TooMany(HopyardError):
    """A limit was reached.

    Args:
        message: one sentence, with the limit.
        retry_after: seconds after which to try again.
    """

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(HopyardError):
    """Something that this needs does not answer."""


class SetupError(HopyardError):
    """The machine or a setting does not allow to start."""
