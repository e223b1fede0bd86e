"""The Livy server of an ordinary user whose number has no account, as containers have them."""

from __future__ import annotations

from pathlib import Path

from tests.integration.livy import temp_livy
from tests.ordinary import UID, as_root, ordinary

pytestmark = as_root


def test_user_without_account_runs_statements(tmp_path: Path) -> None:
    with temp_livy(tmp_path / "data", wrap=ordinary) as livy:
        session = livy.ready()
        code = "import os, getpass; print(os.getuid(), getpass.getuser(), spark.range(3).count())"
        done = livy.done(session, livy.submit(session, code))
        assert done["output"]["data"] == {"text/plain": f"{UID} hopyard 3"}, done
        home = 'System.getProperty("user.home")'
        done = livy.done(session, livy.submit(session, home, kind="spark"))
        assert "/home" in done["output"]["data"]["text/plain"]
        folder = tmp_path / "data"
        assert (folder / "hopyard.sqlite").stat().st_mode & 0o077 == 0
