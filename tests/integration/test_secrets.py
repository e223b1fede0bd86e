"""Secrets on a real platform: used in a driver and in Python mode, found nowhere in clear."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest_asyncio

from benchmarks.kernel import CellFailed, kernel
from tests.integration.test_platform_sessions import ask, run, start_session
from tests.platform import ADMIN, DEMO, Hopyard

VALUE = "s3cret-needle-ü-1"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kept(hopyard: Hopyard) -> AsyncIterator[str]:
    """A private secret of the administrator."""
    made = await hopyard.api(ADMIN, "PUT", "secrets/key", json={"value": VALUE})
    assert made.status_code == 200, made.text
    assert VALUE not in made.text
    yield "key"
    await hopyard.api(ADMIN, "DELETE", "secrets/key")


async def test_driver_reads_a_secret_and_never_shows_it(hopyard: Hopyard, kept: str) -> None:
    token = await hopyard.token(ADMIN)
    session = await start_session(hopyard, token)
    try:
        code = f"import hopyard, sys\nvalue = hopyard.secret({kept!r})\nprint(len(value), value)"
        assert await run(hopyard, token, session, code) == f"{len(VALUE)} ********"
        code = "for letter in value: print(letter, end='', flush=True)"
        assert await run(hopyard, token, session, code) == "********"
        assert await run(hopyard, token, session, "value") == "'********'"
        code = "import os, time\nfor letter in value: os.write(1, letter.encode())\ntime.sleep(1)"
        assert "********" in await run(hopyard, token, session, code)
        assert (await run(hopyard, token, session, "!echo $value")).strip() == "********"
        code = "spark.sql(f\"select '{value}' as shown\").collect()[0].shown == value"
        assert await run(hopyard, token, session, code) == "True"
        async with hopyard.client(token) as client:
            pages = [
                (await client.get(f"{session}/ui/{page}", follow_redirects=True)).text
                for page in ("SQL/", "SQL/execution/?id=0", "jobs/", "environment/")
            ]
        assert all(VALUE not in page for page in pages)
        assert any("********" in page for page in pages)
        other = await run(
            hopyard,
            token,
            session,
            "try:\n    hopyard.secret('other')\nexcept hopyard.errors.NotFound as error:\n"
            "    print(error)",
        )
        assert "There is no secret 'other'" in other
        # What the kernel's process writes beside all that Jupyter captures.
        code = "import os; out = sys.stderr._original_stdstream_copy\n"
        code += "assert os.write(out, f'written-by-itself {value}\\n'.encode())"
        assert await run(hopyard, token, session, code) == ""
        code = f'val value = hopyard.secret("{kept}")\nprintln(value.length + " " + value)'
        assert f"{len(VALUE)} ********" in await run(hopyard, token, session, code, "spark")
        code = f'value <- hopyard.secret("{kept}")\ncat(nchar(value), value)'
        assert await run(hopyard, token, session, code, "sparkr") == f"{len(VALUE)} ********"
        for kind, code in {
            "spark": 'try hopyard.secret("other") catch { case e: Exception => println(e) }',
            "sparkr": 'tryCatch(hopyard.secret("other"), error = function(e) cat(e$message))',
        }.items():
            said = await run(hopyard, token, session, code, kind)
            assert "There is no secret 'other'" in said
        log = (await ask(hopyard, token, "GET", f"{session}/log?size=-1"))["log"]
        assert any("written-by-itself ********" in line for line in log)
        (read,) = (await hopyard.api(ADMIN, "GET", "secrets/reads")).json()[:1]
        assert (read["name"], read["way"], read["project"]) == (kept, "Spark driver", DEMO)
        _found_nowhere(hopyard)
    finally:
        await ask(hopyard, token, "DELETE", session)


async def test_python_mode_reads_a_secret(hopyard: Hopyard, kept: str) -> None:
    url = await hopyard.start_server(ADMIN)
    try:
        async with kernel(url, await hopyard.token(ADMIN), "python3") as notebook:
            code = f"import hopyard; print(len(hopyard.secret({kept!r})))"
            assert (await notebook.run(code))[1].strip() == str(len(VALUE))
            hidden = f"value = hopyard.secret({kept!r}); "
            for code in (
                f"{hidden}print('it is', value)",
                f"{hidden}print([value])",
                f"{hidden}import sys; sys.stderr.write(value)",
                f"{hidden}[print(letter, end='', flush=True) for letter in value]; None",
                f"{hidden}import os\n!echo $value",
                f"{hidden}raise ValueError(value)",  # the last: what comes after it is aborted
            ):
                try:
                    said = (await notebook.run(code))[1]
                except CellFailed as error:
                    said = str(error)
                assert VALUE not in said, said
                assert "********" in said, said
            _found_nowhere(hopyard)
    finally:
        await hopyard.stop_server(ADMIN)


async def test_people_and_strangers_get_no_value(hopyard: Hopyard, kept: str) -> None:
    path = f"projects/{DEMO}/secrets/{kept}"
    assert (await hopyard.api(ADMIN, "GET", path)).status_code == 404
    await hopyard.add_user("stranger")
    assert (await hopyard.api("stranger", "GET", path)).status_code == 404
    async with hopyard.client("wrong") as client:
        headers = {"X-Hopyard-User": ADMIN}
        assert (await client.get(f"api/v1/{path}", headers=headers)).status_code == 401
    # Who is not livy is not believed.
    async with hopyard.client(await hopyard.token("stranger")) as client:
        headers = {"X-Hopyard-User": ADMIN}
        assert (await client.get(f"api/v1/{path}", headers=headers)).status_code == 404


def _found_nowhere(hopyard: Hopyard) -> None:
    """Look at every file of the platform and at what its processes show of themselves."""
    needle = VALUE.encode()
    for file in hopyard.data_dir.rglob("*"):
        if file.is_file() and not file.is_symlink():
            with contextlib.suppress(OSError):
                assert needle not in file.read_bytes(), file
    for process in psutil.process_iter():
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                content = Path(f"/proc/{process.pid}/{name}").read_bytes()
                assert needle not in content, (process, name)
