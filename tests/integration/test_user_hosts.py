"""`user_host`: where members' Jupyter servers are, on running platforms."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hopyard.cli.addresses import SAME
from tests.integration.test_platform import sign_in
from tests.platform import PASSWORD, Hopyard, temp_hopyard

NAME = "notebooks.localhost"
PROJECT = "alone"


async def address_of_server(hopyard: Hopyard) -> str:
    """Start the administrator's server; return where the page says that it is."""
    made = await hopyard.api(hopyard.admin, "POST", "projects", json={"name": PROJECT})
    assert made.status_code == 201, made.text
    await hopyard.start_server(hopyard.admin, PROJECT)
    said = await hopyard.api(hopyard.admin, "GET", f"projects/{PROJECT}/jupyter/server")
    return str(said.json()["url"])


@pytest.mark.parametrize(("chosen", "host"), [(NAME, NAME), (SAME, "localhost")])
async def test_jupyter_servers_are_where_user_host_says(
    tmp_path: Path, chosen: str, host: str
) -> None:
    async with temp_hopyard(tmp_path, HOPYARD_USER_HOST=chosen) as hopyard:
        url = await address_of_server(hopyard)
        path = f"/user/{hopyard.admin}/{PROJECT}/"
        assert urlsplit(url).netloc in (f"{host}:{hopyard.port}", "")
        lab = f"http://{host}:{hopyard.port}{path}lab"
        async with hopyard.client() as browser, hopyard.client() as stranger:
            await sign_in(browser, hopyard.admin, PASSWORD)
            opened = await browser.get(lab, follow_redirects=True)
            assert (opened.status_code, str(opened.url)) == (200, lab)
            asked = await stranger.get(lab, follow_redirects=True)
            assert str(asked.url).startswith(f"{hopyard.url}hub/login")
            # What is the platform's is at its own host.
            sent = {one.name for one in browser.cookies.jar if one.domain.startswith(host)}
            for other in ("projects/", "hub/home", "hub/login"):
                answer = await browser.get(f"http://{host}:{hopyard.port}/{other}")
                moved = answer.headers.get("location", "")
                assert (answer.status_code == 307) == (host != "localhost"), (other, answer)
                assert host == "localhost" or moved == hopyard.url + other
            assert ("hopyard-session" in sent) == (host == "localhost")
            # What is a member's is nowhere else.
            elsewhere = await browser.get(f"{hopyard.url}{path[1:]}api/status")
            assert (elsewhere.status_code == 200) == (host == "localhost"), elsewhere.text
        assert ("AT THE SAME ADDRESS" in hopyard.said) == (chosen == SAME)
        assert ("for all members" in hopyard.said) == (chosen == NAME)
        await hopyard.stop_server(hopyard.admin, PROJECT)
