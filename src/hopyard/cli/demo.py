"""`hopyard demo`: `up`, with a project, a user and notebooks to try: those of all tours.

They are made at the first start only: what was changed, renamed or deleted since stays so. A file
of the demo that nobody edited is renewed when Hopyard brings a newer one.
"""

from __future__ import annotations

import json

from hopyard.cli import up
from hopyard.errors import Conflict, SetupError
from hopyard.identity.hub import HubClient
from hopyard.projects.tours import files
from hopyard.projects.tours.models import FILES, every
from hopyard.settings import Platform, Settings

PROJECT = "demo"
USER = "demo"
DISPLAY_NAME = "Demo project"


def run(settings: Settings) -> None:
    """Start the platform with the demo.

    Raises:
        SetupError: the machine or a setting does not allow to start.
    """

    async def prepare(settings: Settings, platform: Platform) -> list[str]:
        await up.command(settings, "make-demo")
        return [f"  Demo       {platform.public_url}projects/{PROJECT}/jupyter"]

    up.run(settings, prepare)


async def make(settings: Settings, platform: Platform) -> None:
    """Make the demo project, its user and its files, as far as they were never made."""
    note = settings.data_dir / "run" / "demo.json"
    copied: dict[str, str] = json.loads(note.read_text()) if note.exists() else {}
    if not copied:
        await _make_user(platform)
        await _make_project(settings)
    wanted = {file for tour in every() for file in tour.files}
    copied = files.copy(FILES, wanted, settings.projects_dir / PROJECT / "Jupyter", copied)
    note.write_text(json.dumps(copied, indent=1))


async def _make_user(platform: Platform) -> None:
    hub = HubClient(platform.hub_api_url, platform.cli_token.get_secret_value())
    try:
        if not await hub.user_exists(USER):
            response = await hub.request("POST", f"users/{USER}")
            if response.status_code not in (201, 409):
                raise SetupError(f"The Hub did not make the user {USER!r}: {response.text}")
    finally:
        await hub.close()


async def _make_project(settings: Settings) -> None:
    from hopyard.projects.jupyter.service import Jupyter
    from hopyard.projects.members.service import Projects
    from hopyard.projects.scopes import Role
    from hopyard.store.engine import make_engine, make_sessions

    engine = make_engine(settings.database)
    try:
        sessions = make_sessions(engine)
        projects, jupyter = Projects(sessions, settings), Jupyter(sessions, settings)
        try:
            await projects.create(PROJECT, DISPLAY_NAME, settings.admin)
        except Conflict:
            return  # somebody has a project of this name: it is theirs
        await projects.add_member(PROJECT, USER, Role.DATA_SCIENTIST)
        for user in (settings.admin, USER):
            await jupyter.remember(user, PROJECT, {"mode": "spark"})
    finally:
        await engine.dispose()
