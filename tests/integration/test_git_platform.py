"""Git on a real platform: whatever is killed, whatever runs out, every edit and commit is there."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import psutil
import pytest
import pytest_asyncio
from sqlalchemy import update

from hopyard.projects.jupyter.models import ServerRow
from hopyard.store.engine import make_engine
from hopyard.store.types import now
from tests.git_server import Fault, GitServer, git, temp_git
from tests.integration.git_platform import COMMITTED, FILES, Work, hub_again, member, reachable
from tests.platform import Hopyard, temp_hopyard, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with temp_git(tmp_path_factory.mktemp("git-server")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def platform(
    tmp_path_factory: pytest.TempPathFactory, server: GitServer
) -> AsyncIterator[Hopyard]:
    """A platform of this module's own: its processes are killed."""
    async with temp_hopyard(
        tmp_path_factory.mktemp("git-platform"),
        **reachable(server),
    ) as running:
        yield running


async def test_killed_jupyter_server_loses_no_work(platform: Hopyard, server: GitServer) -> None:
    mine = await member(platform, server, "killed")
    await mine.start()
    mine.work()
    mine.keep.faults.append(Fault("list-push", "status", 503))
    for one in mine.processes():
        one.kill()
    await mine.until_state("failed")

    async def kept() -> bool:
        return "Kept in a rescue: 1 unpushed commit and 3 changed files" in await mine.said()

    await until("the page says what was kept", kept, 60)
    assert "Nothing is lost" in await mine.said()
    mine.all_there()
    name = await mine.rescue()
    await mine.start()
    mine.all_there()
    await mine.stop()
    await mine.thrown_away_and_restored(name)
    mine.keep.faults.clear()
    assert (await mine.ask("POST", "repository/push"))["state"] == "done"
    assert mine.keep.read("main", "mine.txt") == COMMITTED


async def test_killed_hub_finds_the_server_and_keeps_its_work(
    platform: Hopyard, server: GitServer
) -> None:
    mine = await member(platform, server, "adopted")
    await mine.start()
    (runs,) = mine.processes()
    mine.work()
    old = platform.pids()["hub"]
    psutil.Process(old).kill()
    await hub_again(platform, old)
    await mine.until_state("running")
    assert mine.processes() == [runs]
    await mine.stop()
    mine.all_there()
    await mine.rescue()
    assert mine.keep.tip("main") == mine.commit
    assert "Kept in a rescue: 3 changed files." in await mine.said()  # the commit was pushed


async def test_hub_and_server_killed_at_once(platform: Hopyard, server: GitServer) -> None:
    mine = await member(platform, server, "both")
    await mine.start()
    mine.work()
    mine.keep.faults.append(Fault("list-push", "drop"))
    old = platform.pids()["hub"]
    psutil.Process(old).kill()
    for one in mine.processes():
        one.kill()
    await hub_again(platform, old)
    await mine.until_state("failed", "stopped")

    async def kept() -> bool:
        return "Kept in a rescue" in await mine.said()

    await until("the page says what was kept", kept, 60)
    mine.all_there()
    name = await mine.rescue()
    await mine.start()
    mine.all_there()
    await mine.stop()
    await mine.thrown_away_and_restored(name)


async def test_time_that_runs_out_pushes_and_rescues(platform: Hopyard, server: GitServer) -> None:
    mine = await member(platform, server, "late")
    await mine.start()
    mine.work()
    engine = make_engine(platform.settings.database)
    async with engine.begin() as connection:
        row = update(ServerRow).where(ServerRow.user_name == mine.name)
        await connection.execute(row.values(expires_at=now() - timedelta(seconds=1)))
    await engine.dispose()
    await mine.until_state("stopped")
    mine.all_there()
    await mine.rescue()
    assert mine.keep.tip("main") == mine.commit
    assert "Pushed to branch main" in await mine.said()


async def test_the_whole_platform_killed_at_once(platform: Hopyard, server: GitServer) -> None:
    """As when the machine is lost: nobody is left to make a rescue."""
    mine = await member(platform, server, "lost")
    await mine.start()
    mine.work()
    await platform.end(signal.SIGKILL)
    for one in platform.remaining():
        one.kill()
    mine.all_there()
    await platform.start()
    await mine.until_state("failed", "stopped")
    name = await mine.rescue()
    await mine.start()
    mine.all_there()
    await mine.stop()
    await mine.thrown_away_and_restored(name)


async def half_cloned(mine: Work) -> None:
    """Ask for a start, and wait until its clone is under way and stands still."""
    mine.keep.faults.append(Fault("pack", "slow", 40))
    await mine.ask("POST", "jupyter/server")

    async def clones() -> bool:
        return "pack" in mine.keep.asked

    await until("the clone is under way", clones, 60)
    assert [one.name[0] for one in mine.storage.iterdir() if one.is_dir()] == ["."]
    assert engines(mine.hopyard)


def engines(hopyard: Hopyard) -> list[psutil.Process]:
    """The Git engine's processes of a platform, and their Gits."""
    return hopyard.running("-m hopyard.git") + hopyard.running("git fetch")


async def clones_anew(mine: Work) -> None:
    """Start once more, and find everything of the repository."""
    mine.keep.faults.clear()
    await mine.start()
    for name, content in FILES.items():
        assert (mine.folder / name).read_bytes() == content, name
    assert [one.name for one in mine.storage.iterdir() if ".new-" in one.name] == []
    await mine.stop()


async def test_start_cancelled_while_it_clones(platform: Hopyard, server: GitServer) -> None:
    mine = await member(platform, server, "cancelled")
    await half_cloned(mine)
    await mine.ask("DELETE", "jupyter/server")
    await mine.until_state("stopped", "failed")

    async def nothing_runs() -> bool:
        return not engines(platform)

    await until("the clone has ended", nothing_runs, 20)
    await clones_anew(mine)


async def test_hub_killed_while_it_clones(platform: Hopyard, server: GitServer) -> None:
    mine = await member(platform, server, "halfway")
    await half_cloned(mine)
    old = platform.pids()["hub"]
    psutil.Process(old).kill()

    async def nothing_runs() -> bool:
        return not engines(platform)

    await until("the clone died with the hub", nothing_runs, 20)
    await hub_again(platform, old)
    await clones_anew(mine)


async def test_two_starts_at_once_are_one(platform: Hopyard, server: GitServer) -> None:
    mine = await member(platform, server, "twice")

    async def start() -> Any:
        return await mine.ask("POST", "jupyter/server")

    assert {(await one)["state"] for one in [asyncio.create_task(start()) for _ in range(4)]} <= {
        "starting",
        "running",
    }
    await mine.until_state("running")
    assert len(mine.processes()) == 1
    assert mine.keep.asked.count("pack") == 1
    assert [one.name for one in mine.storage.glob("[!.]*")] == [mine.folder.name]
    await mine.stop()


async def test_project_with_unpushed_work_is_not_deleted_silently(
    platform: Hopyard, server: GitServer
) -> None:
    mine = await member(platform, server, "doomed", push_on_stop=False)
    await mine.start()
    mine.work()
    path = f"projects/{mine.name}"
    refused = await platform.api(mine.name, "DELETE", path)
    assert refused.status_code == 409
    assert f"{mine.name}, {mine.name}-" in refused.json()["error"]
    assert "1 unpushed commit, 3 changed files" in refused.json()["error"]
    assert await mine.state() == "running"  # nothing was stopped
    mine.all_there()
    done = await platform.api(mine.name, "DELETE", path, params={"put_aside": "true"})
    assert done.status_code == 204, done.text
    (aside,) = (platform.data_dir / "deleted").glob(f"{mine.name}-*/repositories-{mine.name}")
    mine.put_aside = aside
    mine.all_there()


async def test_removed_member_finds_the_work_again(platform: Hopyard, server: GitServer) -> None:
    mine = await member(platform, server, "removed")
    await platform.add_user("stays")
    await mine.ask("PUT", "members/stays", json={"role": "data_owner"})
    await mine.start()
    mine.work()
    path = f"projects/{mine.name}/members/{mine.name}"
    gone = await platform.api("stays", "DELETE", path)
    assert gone.status_code < 300, gone.text

    async def stopped() -> bool:
        return not mine.processes()

    await until("the server is stopped", stopped, 60)

    async def rescued() -> bool:
        return bool(git(mine.folder, "for-each-ref", "refs/hopyard/rescue"))

    await until("its work is in a rescue", rescued, 60)
    assert mine.keep.tip("main") != mine.commit  # nothing was pushed in the name of a stranger
    back = await platform.api("stays", "PUT", path, json={"role": "data_scientist"})
    assert back.status_code < 300, back.text
    mine.all_there()
    await mine.rescue()


async def test_work_of_a_deleted_user_stays(platform: Hopyard, server: GitServer) -> None:
    mine = await member(platform, server, "leaver", push_on_stop=False)
    await mine.start()
    mine.work()
    gone = await platform.hub("DELETE", f"users/{mine.name}")
    assert gone.status_code == 204, gone.text
    mine.all_there()
    assert git(mine.folder, "for-each-ref", "refs/hopyard/rescue")


async def test_both_ways_are_hidden_and_come_back(platform: Hopyard, server: GitServer) -> None:
    mine = await member(platform, server, "ways", push_on_stop=False)
    files = platform.settings.projects_dir / mine.name
    (files / "Jupyter" / "ours.ipynb").write_bytes(FILES["n.ipynb"] or b"")
    (files / "Resources" / "data.csv").write_bytes(b"1,2\n")
    datasets = sorted(str(one.relative_to(files)) for one in files.rglob("*"))
    settings = f"projects/{mine.name}/repository/settings"

    async def browsed() -> set[str]:
        """Start, and look into the file browser."""
        address = await platform.start_server(mine.name, mine.name)
        async with platform.client(await platform.token(mine.name)) as client:
            shown = (await client.get(f"{address}api/contents")).json()["content"]
            for other in ("ours.ipynb", "mine.txt", "../ours.ipynb", "project/Jupyter/ours.ipynb"):
                found = await client.get(f"{address}api/contents/{other}")
                assert (found.status_code == 200) == (other in {one["name"] for one in shown})
        return {str(one["name"]) for one in shown}

    assert await browsed() == {"a.txt", "n.ipynb"}
    mine.work()
    await mine.stop()
    off = await platform.api(mine.name, "PUT", settings, json={"provider": "off"})
    assert off.status_code == 200, off.text
    assert await browsed() == {"ours.ipynb"}
    # Nothing of the repository is in what the project's members see as datasets.
    assert sorted(str(one.relative_to(files)) for one in files.rglob("*")) == datasets
    await mine.stop()
    await platform.api(mine.name, "PUT", settings, json={"provider": "git"})
    assert await browsed() == {"a.txt", "n.ipynb", "mine.txt", "staged.txt", "new folder"}
    mine.all_there()
    await mine.stop()
