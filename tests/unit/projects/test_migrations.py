"""The migrations make the tables that the models say, on both databases."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from hopyard.projects.accounts import models as _accounts  # noqa: F401
from hopyard.projects.jupyter import models as _jupyter  # noqa: F401
from hopyard.projects.members import models as _members  # noqa: F401
from hopyard.projects.repositories import models as _repositories  # noqa: F401
from hopyard.settings import Settings
from hopyard.store.base import Base
from hopyard.store.engine import migrate

OURS = {
    "projects",
    "members",
    "departures",
    "jupyter_settings",
    "jupyter_servers",
    "invitations",
    "repositories",
}


def test_migrations_make_what_the_models_say(settings: Settings) -> None:
    engine = create_engine(settings.database.replace("sqlite+aiosqlite", "sqlite"))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_object": lambda item, name, kind, *_: (
                    name in OURS
                    if kind == "table"
                    else getattr(getattr(item, "table", None), "name", None) in OURS
                ),
            },
        )
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_migrating_twice_changes_nothing(settings: Settings) -> None:
    migrate(settings.database)
