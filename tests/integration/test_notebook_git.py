"""A Jupyter server with Git on, and one with Git off: what is there, and where the key is not."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from tests.integration.notebook import TOKEN, Server, temp_server

KEY = "glpat-a-key-that-nobody-sees"
REPOSITORY = {"url": "https://git.example/team/a.git", "username": "oauth2", "secret": "mine"}


class Secrets(BaseHTTPRequestHandler):
    """Gives the secret `mine` to whoever shows the server's own token, as web does."""

    def do_GET(self):
        right = self.path == "/api/v1/projects/demo/secrets/mine"
        right = right and self.headers["Authorization"] == f"Bearer {TOKEN}"
        body = json.dumps({"value": KEY} if right else {"error": "There is none."}).encode()
        self.send_response(200 if right else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    web = ThreadingHTTPServer(("127.0.0.1", 0), Secrets)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    try:
        with temp_server(
            tmp_path_factory.mktemp("git"),
            HOPYARD_REPOSITORY=json.dumps(REPOSITORY),
            HOPYARD_API_URL=f"http://127.0.0.1:{web.server_port}/api/v1/",
            HOPYARD_PROJECT="demo",
            HOPYARD_USER_NAME="ann",
            HOPYARD_USER_EMAIL="ann@example.org",
        ) as running:
            yield running
    finally:
        web.shutdown()


@pytest.fixture(scope="module")
def inside(server) -> dict[str, str]:
    """The environment that the server hands down: to kernels, terminals and the panel's git."""
    kernel = server.http.post("api/kernels", json={"name": "python3"}).json()["id"]
    (process,) = psutil.Process(server.process.pid).children()
    environment = process.environ()
    assert server.http.delete(f"api/kernels/{kernel}").status_code == 204
    return environment


def fill(inside: dict[str, str], url: str) -> tuple[int, str]:
    """Ask git for a name and a password."""
    done = subprocess.run(
        ["git", "credential", "fill"],
        env=inside | {"GIT_TERMINAL_PROMPT": "0"},
        input=f"url={url}\n\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def page_config(page: str) -> dict[str, Any]:
    found = re.search(
        r'<script id="jupyter-config-data" type="application/json">(.*?)</script', page, re.S
    )
    assert found
    return json.loads(found[1])


def test_panel_is_there_where_git_is_on(server):
    assert server.http.get("git/settings", params={"version": "0.55.0"}).status_code == 200
    subprocess.run(["git", "init", "-q", server.folder / "copy"], check=True)
    (server.folder / "copy" / "new.txt").write_text("new")
    status = server.http.post("git/copy/status", json={})
    assert [file["to"] for file in status.json()["files"]] == ["new.txt"]
    config = page_config(server.http.get("lab").text)
    there = {one["name"] for one in config["federated_extensions"]}
    assert {"@jupyterlab/git", "nbdime-jupyterlab"} <= there - set(config["disabledExtensions"])


def test_git_gets_the_key_for_this_repository_alone(server, inside):
    code, said = fill(inside, REPOSITORY["url"])
    assert code == 0, said
    assert f"username=oauth2\npassword={KEY}\n" in said
    for other in ("https://git.example/team/b.git", "https://elsewhere.example/team/a.git"):
        code, said = fill(inside, other)
        assert code != 0
        assert KEY not in said


def test_key_is_in_no_environment_argument_or_file(server, inside):
    assert fill(inside, REPOSITORY["url"])[0] == 0
    assert KEY not in str(inside)
    root = psutil.Process(server.process.pid)
    for process in (root, *root.children(recursive=True)):
        assert KEY not in " ".join(process.cmdline())
        assert KEY not in str(process.environ())
    runtime = Path(inside["JUPYTER_RUNTIME_DIR"])
    assert runtime.stat().st_mode & 0o077 == 0
    read = [path for one in (server.folder, runtime) for path in one.rglob("*") if path.is_file()]
    assert read
    assert not [path for path in read if KEY.encode() in path.read_bytes()]


def test_notebooks_are_compared_and_merged_as_notebooks(server, inside):
    copy = server.folder / "notebooks"

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", copy, *words], env=inside, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def write(*sources: str) -> None:
        book = nbformat.v4.new_notebook()
        book.cells = [nbformat.v4.new_code_cell(s, id=f"c{n}") for n, s in enumerate(sources)]
        (copy / "a.ipynb").write_text(nbformat.writes(book))

    subprocess.run(["git", "init", "-q", "-b", "main", copy], check=True)
    write("a = 1", "b = 2")
    git("add", "a.ipynb")
    git("commit", "-qm", "first")
    git("switch", "-qc", "other")
    write("a = 10", "b = 2")
    assert "## modified /cells/0/source" in git("diff")
    git("commit", "-qam", "theirs")
    git("switch", "-q", "main")
    write("a = 1", "b = 20")
    git("commit", "-qam", "ours")
    # Of neighbouring lines Git alone makes a conflict.
    git("merge", "-q", "other", "-m", "both")
    merged = nbformat.read(copy / "a.ipynb", 4)
    assert [cell.source for cell in merged.cells] == ["a = 10", "b = 20"]


def test_nothing_of_git_where_it_is_off(tmp_path):
    with temp_server(tmp_path) as off:
        assert off.http.get("git/settings").status_code == 404
        disabled = page_config(off.http.get("lab").text)["disabledExtensions"]
        assert {"@jupyterlab/git", "nbdime-jupyterlab"} <= set(disabled)
