"""Every notebook of the tours runs from top to bottom, on the real platform."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from benchmarks.kernel import kernel
from hopyard.projects.tours.models import FILES
from tests.platform import ADMIN, Hopyard

CELL_SECONDS = 240.0
NOTEBOOKS = sorted(FILES.glob("*.ipynb"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(hopyard: Hopyard) -> AsyncIterator[str]:
    """A Jupyter server in the demo project, whose mode is Spark."""
    yield await hopyard.start_server(ADMIN)
    await hopyard.stop_server(ADMIN)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
async def test_notebook_runs_from_top_to_bottom(
    hopyard: Hopyard, server: str, notebook: Path
) -> None:
    content = json.loads(notebook.read_text())
    name = content["metadata"]["kernelspec"]["name"]
    async with kernel(server, await hopyard.token(ADMIN), name) as running:
        for cell in content["cells"]:
            if cell["cell_type"] == "code":
                await running.run("".join(cell["source"]), seconds=CELL_SECONDS)
