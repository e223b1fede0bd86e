"""Types of Spark that are made simpler before rows leave it: for Arrow and pandas, or for JSON.

A type is what `StructType.json` says of it. A value becomes the simpler type by Spark's own cast,
which goes by position, into arrays, maps and structs too; to a text it casts as `show()` prints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

TEXT = "string"
_ARROW = (
    *("boolean", "byte", "short", "integer", "long", "float", "double", "decimal", "date"),
    *("string", "char", "varchar", "binary", "timestamp", "timestamp_ntz", "time", "void"),
    *("geography", "geometry"),
)
"""Types that Arrow has and pandas shows; a length, a collation or a precision may follow."""
_NULLS = {"elementType": "containsNull", "valueType": "valueContainsNull"}
"""What must allow nulls where a type changes: to Spark, a cast of a variant may give one."""
_DAYS = frozenset({"day", "hour", "minute", "second"})


def for_arrow(kind: Any) -> Any:
    """Return the type in which Arrow and pandas can hold the values of a type."""
    return _reshaped(kind, _for_arrow, distinct)


def for_json(kind: Any) -> Any:
    """Return the type that `to_json` writes without loss: its structs have numbers for names."""
    return _reshaped(kind, _for_json, lambda names: [str(number) for number in range(len(names))])


def distinct(names: list[str]) -> list[str]:
    """Return the names of a struct's fields; one that is there twice has a number: `a_0`, `a_1`.

    So does Spark itself, where it is asked for duplicates in Arrow.
    """
    count = Counter(names)
    seen: Counter[str] = Counter()
    taken = set(names)
    result = []
    for name in names:
        made = name
        while count[name] > 1 and made in taken:
            made = f"{name}_{seen[name]}"
            seen[name] += 1
        taken.add(made)
        result.append(made)
    return result


def texts(before: Any, after: Any) -> list[str]:
    """Return the names of the types in a type that became texts."""
    if after == TEXT and before not in (TEXT, "void"):
        return [_name(before)]
    if not isinstance(after, dict):
        return []
    return [name for pair in _inner(before, after) for name in texts(*pair)]


def has(kind: Any, name: str) -> bool:
    """Say whether there is a type in a type."""
    if not isinstance(kind, dict):
        return bool(kind == name)
    return any(has(inner, name) for inner, _ in _inner(kind, kind))


def _inner(before: dict[str, Any], after: dict[str, Any]) -> Iterable[tuple[Any, Any]]:
    if after["type"] == "struct":
        pairs = zip(before["fields"], after["fields"], strict=True)
        return [(one["type"], other["type"]) for one, other in pairs]
    names = [name for name in ("elementType", "keyType", "valueType") if name in after]
    return [(before[name], after[name]) for name in names]


def _reshaped(
    kind: Any, leaf: Callable[[Any], Any], rename: Callable[[list[str]], list[str]]
) -> Any:
    if not isinstance(kind, dict) or kind["type"] not in ("struct", "array", "map"):
        return leaf(kind)
    made = dict(kind)
    if kind["type"] == "struct":
        fields = kind["fields"]
        names = rename([field["name"] for field in fields])
        made["fields"] = [
            _field(field, _reshaped(field["type"], leaf, rename)) | {"name": name}
            for field, name in zip(fields, names, strict=True)
        ]
        return made
    for name in ("elementType", "keyType", "valueType"):
        if name in kind:
            inner = _reshaped(kind[name], leaf, rename)
            # Arrow has no nothing that cannot be null, as in `array()`.
            made[name] = TEXT if inner == "void" else inner
            if made[name] != kind[name] and (nulls := _NULLS.get(name)):
                made[nulls] = True
    return made


def _field(field: dict[str, Any], kind: Any) -> dict[str, Any]:
    return field if kind == field["type"] else field | {"type": kind, "nullable": True}


def _for_arrow(kind: Any) -> Any:
    if isinstance(kind, dict):  # a type of the user's own
        return TEXT
    word, *more = kind.replace("(", " ").split()
    if word == "interval" and more and {*more} <= _DAYS | {"to"}:
        return kind
    return kind if word in _ARROW else TEXT


def _for_json(kind: Any) -> Any:
    if isinstance(kind, dict):
        return TEXT
    return kind if kind.split()[0] in ("interval", "variant") else _for_arrow(kind)


def _name(kind: Any) -> str:
    if not isinstance(kind, dict):
        return str(kind)
    called = str(kind.get("class") or kind.get("pyClass") or kind["type"])
    return called.rpartition(".")[2].removesuffix("UDT").lower()
