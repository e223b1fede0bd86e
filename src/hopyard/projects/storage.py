"""The folders of a project on disk: made with it, put aside (never deleted) after it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

from hopyard.launchers import owner
from hopyard.settings import Settings

DATASETS = ("Jupyter", "Resources", "Logs", "Experiments")


def create(settings: Settings, project: str) -> None:
    """Make a project's folder with its datasets; what is there stays."""
    for dataset in DATASETS:
        owner.make_folder(settings.projects_dir / project / dataset)


def put_aside(settings: Settings, project: str) -> None:
    """Move all of a deleted project away, also homes and working copies: a new one starts empty."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    target = settings.data_dir / "deleted" / f"{project}-{stamp}"
    target.mkdir(mode=0o700, parents=True)
    places = {
        settings.projects_dir / project: "files",
        settings.logs_dir / "projects" / project: "logs",
    }
    for home in (settings.data_dir / "homes").glob(f"*/{project}"):
        places[home] = f"home-{home.parent.name}"
    for copies in settings.copies_dir.glob(f"*/{project}"):
        places[copies] = f"repositories-{copies.parent.name}"
    for saves in settings.saves_dir.glob(f"*/{project}"):
        places[saves] = f"saves-{saves.parent.name}"
    for place, name in places.items():
        if place.exists():
            shutil.move(place, target / name)  # the copies may be on another disk
