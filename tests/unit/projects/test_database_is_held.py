"""One process of a kind on one database, on SQLite and Postgres."""

from __future__ import annotations

from hopyard.settings import Settings
from hopyard.store.engine import held


def test_database_is_held_by_one_of_a_kind_until_it_lets_go(settings: Settings) -> None:
    with held(settings.database, "livy") as first:
        assert first
        with held(settings.database, "livy") as second, held(settings.database, "web") as other:
            assert (second, other) == (False, True)
    with held(settings.database, "livy") as again:
        assert again
