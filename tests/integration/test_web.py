"""Web with the real Hub and livy: what only they together can show."""

from __future__ import annotations

from tests.platform import Hopyard, until

PROJECT = "removal"


async def _sessions(hopyard: Hopyard, user: str) -> list[dict[str, object]]:
    async with hopyard.client(await hopyard.token(user)) as client:
        answer = await client.get(f"livy/projects/{PROJECT}/sessions")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["sessions"])


async def test_a_removed_member_loses_server_and_sessions_at_once(hopyard: Hopyard) -> None:
    for user in ("olga", "pit"):
        await hopyard.add_user(user)
    assert (
        await hopyard.api("olga", "POST", "projects", json={"name": PROJECT})
    ).status_code == 201
    base = f"projects/{PROJECT}"
    assert (await hopyard.api("olga", "PUT", f"{base}/members/pit", json={})).status_code == 200
    server = await hopyard.start_server("pit", PROJECT)
    async with hopyard.client(await hopyard.token("pit")) as pit:
        # Made with the person's own token: its end does not follow from the server's.
        made = await pit.post(f"livy/projects/{PROJECT}/sessions", json={"kind": "pyspark"})
        assert made.status_code == 201, made.text
        number = made.json()["id"]
        ui = f"projects/{PROJECT}/applications/{number}/ui/"
        livy = f"livy/projects/{PROJECT}/sessions/{number}"

        assert (await hopyard.api("olga", "DELETE", f"{base}/members/pit")).status_code == 204

        for path in ("", "/members", "/access", "/jupyter/server", "/applications", "/logs"):
            assert (await hopyard.api("pit", "GET", base + path)).status_code == 404, path

        async def livy_forgets() -> bool:
            return (await pit.get(livy)).status_code == 404

        await until("livy knows that pit is no member", livy_forgets, 15)
        assert (await pit.get(server + "api/status")).status_code != 200
        assert (await pit.get("/" + ui)).status_code in (303, 404)

    async def server_is_gone() -> bool:
        known = (await hopyard.hub("GET", "users/pit")).json()["servers"]
        return PROJECT not in known

    await until("the server is gone", server_is_gone, 60)

    async def driver_is_gone() -> bool:
        return not hopyard.running(f"/{PROJECT}/")

    await until("the driver is gone", driver_is_gone, 60)
    # Back again, the member finds no session: it was ended, not only hidden.
    assert (await hopyard.api("olga", "PUT", f"{base}/members/pit", json={})).status_code == 200

    async def sessions_are_seen_again() -> bool:
        async with hopyard.client(await hopyard.token("pit")) as pit:
            return (await pit.get(f"livy/projects/{PROJECT}/sessions")).status_code == 200

    await until("livy knows that pit is a member", sessions_are_seen_again, 15)
    assert await _sessions(hopyard, "pit") == []
    assert (await hopyard.api("olga", "DELETE", base)).status_code == 204
    assert not (hopyard.data_dir / "projects" / PROJECT).exists()
