"""Schemathesis against the Livy server: nothing that a client sends is answered by 5xx.

And what OpenAPI says of statuses, media and forms is true. A minute in `make test`; `HOPYARD_SOAK`
makes it long.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.livy import free_port, until

ROOT = Path(__file__).parents[2]
FUZZER = ROOT / ".venv-clients" / "bin" / "schemathesis"
LONG = bool(os.environ.get("HOPYARD_SOAK"))
EXAMPLES, SECONDS = (400, 3600) if LONG else (20, 300)
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,negative_data_rejection,unsupported_method,ignored_auth"
)


@pytest.fixture
def fuzzed(tmp_path: Path) -> Iterator[httpx.Client]:
    """A server whose drivers are doubles, with one session and one batch that run."""
    token, port = secrets.token_urlsafe(16), free_port()
    (tmp_path / "tokens").write_text(f"ada {token}\n")
    log = tmp_path / "livy.log"
    with log.open("wb") as writing:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.fuzzed", str(port), str(tmp_path)],
            cwd=ROOT,
            stdout=writing,
            stderr=writing,
        )
    headers = {"Authorization": f"Bearer {token}"}
    http = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False)

    def answers() -> bool:
        assert server.poll() is None, log.read_text()
        try:
            return http.get("/ping").status_code == 200
        except httpx.HTTPError:
            return False

    try:
        until(answers, 60, "the server answers")
        http.post("/sessions", json={"kind": "pyspark", "name": "fuzzed"})
        http.post("/batches", json={"file": "a.py", "name": "fuzzed"})
        for code in ("1", "2"):
            http.post("/sessions/fuzzed/statements", json={"code": code})
        yield http
        assert server.poll() is None, log.read_text()
    finally:
        http.close()
        server.terminate()
        server.wait(timeout=60)


def test_fuzzing_finds_no_server_error(fuzzed: httpx.Client, tmp_path: Path) -> None:
    if not FUZZER.exists():
        pytest.skip("no schemathesis here: scripts/setup test")
    seed = os.environ.get("HOPYARD_FUZZ_SEED") or str(secrets.randbelow(2**31) if LONG else 4)
    print("seed:", seed)
    command = [str(FUZZER), "run", f"{fuzzed.base_url}/openapi.json"]
    command += ["--header", f"Authorization:{fuzzed.headers['authorization']}"]
    command += ["--checks", CHECKS, "--max-examples", str(EXAMPLES), "--seed", seed]
    command += ["--phases", "coverage,fuzzing", "--request-timeout", "20", "--workers", "2"]
    command += ["--continue-on-failure", "--no-color", "--warnings", "off"]
    command += ["--suppress-health-check", "all"]
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ
        | {"SCHEMATHESIS_HOOKS": "fuzz_hooks", "PYTHONPATH": str(ROOT / "tests/soak")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    print(ran.stdout[-2000:])
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-2000:]
    found = re.search(r"(\d+) generated", ran.stdout)
    assert found and int(found[1]) > 500, "too few requests to mean anything"
    figures = fuzzed.get("/metrics").text
    for route in ("/sessions", "/batches"):
        made = re.search(rf'livy_http_requests_total{{.*route="{route}",status="201"}}', figures)
        assert made, f"no POST {route} was accepted"
    assert fuzzed.get("/batches/fuzzed/state").json()["state"] == "running"
    left = fuzzed.get("/sessions/fuzzed/state")
    assert left.status_code == 200, (left.text, fuzzed.get("/sessions").text)
