"""Whose a session or a batch is: who sees it, and under which name it is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from hopyard.errors import InvalidInput, NotAllowed, NotFound
from hopyard.livy.access import Caller
from hopyard.protocol.names import NAME_RULE, is_name


class Named(Protocol):
    """What a request says about a name."""

    @property
    def name(self) -> str | None:
        """The name that was asked for."""


class Owned(Protocol):
    """A session or a batch."""

    id: int
    project: str
    owner: str
    deleted: bool

    @property
    def over(self) -> bool:
        """Whether nothing more happens in it."""

    @property
    def request(self) -> Named:
        """What was asked for."""


DIGITS = 18
"""Of an id: the database has no longer ones, and Python reads no endless ones."""
One = TypeVar("One", bound=Owned)


def sees(caller: Caller, one: Owned) -> bool:
    """Say whether a caller may see one: its owner, and who manages everybody's, in its project."""
    may = one.owner == caller.user or caller.manages
    return may and one.project == caller.project and not one.deleted and one.id > 0


def visible(caller: Caller, every: Iterable[One], what: str, *, everybody: bool) -> list[One]:
    """Return the caller's own; those of everybody else only where asked for.

    Raises:
        NotAllowed: everybody's are asked for by one who may not see them.
    """
    if everybody and not caller.manages:
        raise NotAllowed(f"Only an administrator may see everybody's {what}.")
    seen = [one for one in every if sees(caller, one)]
    return seen if everybody else [one for one in seen if one.owner == caller.user]


def find(
    caller: Caller, known: Mapping[int, One], own: Callable[[], Iterable[One]], key: str
) -> One:
    """Return one by id, or one of the caller's own by name.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    number = key.isascii() and key.isdigit() and len(key) <= DIGITS
    found = known.get(int(key)) if number else None
    if found is None and not key.isdigit():
        named = [one for one in own() if one.request.name == key]
        found = min(named, key=lambda one: (one.over, -one.id), default=None)
    if found is None or not sees(caller, found):
        raise NotFound(f"Session '{key[:255]}' not found.")
    return found


def check_name(caller: Caller, name: str | None, own: Iterable[Owned]) -> None:
    """See that a name can be asked by, and that none of the caller's own has it in the project.

    Raises:
        InvalidInput: it cannot, or one has.
    """
    if name and name.isdigit():
        raise InvalidInput(
            'Field "name": must not be a number, it would be taken for an id.', "name"
        )
    if name and not is_name(name):
        raise InvalidInput(f'Field "name": a name is {NAME_RULE}.', "name")
    for other in own:
        if name and (other.project, other.request.name) == (caller.project, name):
            raise InvalidInput(
                f"Rejected, Reason: Duplicate session name: {name} for session {other.id}"
            )
