"""Write the generated parts of `docs/reference/` from the code they describe.

    python scripts/reference.py            # rewrites the pages
    python scripts/reference.py --check    # exit code 1 where a page is out of date

Each page keeps its own words; what stands between the two marker lines is generated.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from fastapi.routing import APIRoute
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from hopyard.cli import app
from hopyard.livy.routes import arrow, batches, jobs, late, meta, sessions, statements, status, ui
from hopyard.projects.scopes import PERMISSIONS, Role, Scope
from hopyard.settings import PREFIX, GitSettings, Limits, LivySettings, Settings

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
OURS = " (ours"
"""How a route says that it is an extension."""
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def settings() -> str:
    """Return one table a group of settings."""
    parts = [_table(Settings, "", groups=("limits", "livy", "git"))]
    for name, group in (("limits", Limits), ("livy", LivySettings), ("git", GitSettings)):
        parts.append(f"## `[{name}]`\n\n{(group.__doc__ or '').strip()}\n\n{_table(group, name)}")
    return "\n\n".join(parts)


def _table(model: type[BaseModel], group: str, groups: tuple[str, ...] = ()) -> str:
    rows = ["| setting | environment | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in model.model_fields.items():
        if name in groups:
            continue
        variable = PREFIX + "__".join(filter(None, (group, name))).upper()
        rows.append(f"| `{name}` | `{variable}` | {_default(name, field)} | {_meaning(field)} |")
    return "\n".join(rows)


def _default(name: str, field: FieldInfo) -> str:
    if name == "data_dir":
        return "`~/.local/share/hopyard`"
    value: Any = field.default
    if value is None or value == {}:
        return "-"
    return f"`{value}`"


def _meaning(field: FieldInfo) -> str:
    words = [field.description or ""]
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        words.append("(" + ", ".join(f"`{choice}`" for choice in choices) + ")")
    if SecretStr in choices:
        words.append("(secret: better in the environment)")
    return " ".join(filter(None, words))


def permissions() -> str:
    """Return the table of permissions."""
    roles = list(Role)
    names = " | ".join(role.label.lower() for role in roles)
    rows = [
        f"| permission | meaning | {names} | others | a Jupyter server's own token |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    others = {
        Scope.PUBLIC: "everybody",
        Scope.PERSON: "who is signed in",
        Scope.ADMINISTRATOR: "administrators",
        Scope.PROJECT: "-",
    }
    for name, permission in PERMISSIONS.items():
        per_role = [
            "yes" if role in permission.roles else "-" if permission.scope is Scope.PROJECT else ""
            for role in roles
        ]
        server = "yes" if permission.by_server else "-"
        cells = [f"`{name}`", permission.description, *per_role, others[permission.scope], server]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def commands() -> str:
    """Return a section for each command."""
    parts: list[str] = []
    _describe(typer.main.get_command(app), "hopyard", parts)
    return "\n\n".join(parts)


def _describe(command: Any, name: str, parts: list[str]) -> None:
    for child_name, child in getattr(command, "commands", {}).items():
        if child.hidden:
            continue
        full = f"{name} {child_name}"
        if hasattr(child, "commands"):
            _describe(child, full, parts)
            continue
        rows = ["| option | default | meaning |", "| --- | --- | --- |"]
        for option in child.params:
            words = ", ".join(f"`{word}`" for word in option.opts)
            shown = option.default in (None, False) or not isinstance(
                option.default, str | int | float | Path
            )
            default = "-" if shown else f"`{option.default}`"
            meaning = getattr(option, "help", None) or ""
            if variable := getattr(option, "envvar", None):
                meaning += f" (in the environment: `{variable}`)"
            if option.param_type_name == "argument":
                words = f"`{option.name.upper()}`"
            rows.append(f"| {words} | {default} | {meaning} |")
        section = f"## `{full}`\n\n{(child.help or '').strip()}"
        parts.append(section + ("\n\n" + "\n".join(rows) if child.params else ""))


def livy() -> str:
    """Return the table of what the Livy server answers; a project's prefix is left out."""
    rows = ["| request | what it does | whose |", "| --- | --- | --- |"]
    served = (sessions, statements, late, arrow, jobs, batches, ui, status, meta)
    for router in (part.router for part in served):
        for route in router.routes:
            if not isinstance(route, APIRoute) or not route.include_in_schema:
                continue
            said = (route.endpoint.__doc__ or "").strip().splitlines()[0]
            ours = OURS in said
            whose = "Hopyard" if ours else "Livy"
            for method in sorted(route.methods):
                words = said.partition(OURS)[0] + "." if ours else said
                rows.append(f"| `{method} {route.path}` | {words} | {whose} |")
    return "\n".join(rows)


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": commands,
    "livy.md": livy,
    "permissions.md": permissions,
    "settings.md": settings,
}


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each page with what should stand in it."""
    for name, generate in PAGES.items():
        page = REFERENCE / name
        head, _, rest = page.read_text().partition(BEGIN)
        tail = rest.partition(END)[2]
        yield page, f"{head}{BEGIN}\n\n{generate()}\n\n{END}{tail}"


def main() -> int:
    """Write or check the pages."""
    late = [(page, text) for page, text in pages() if page.read_text() != text]
    for page, text in late:
        if "--check" in sys.argv:
            print(f"{page} is out of date: python scripts/reference.py", file=sys.stderr)
        else:
            page.write_text(text)
            print(f"wrote {page}")
    return 1 if late and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
