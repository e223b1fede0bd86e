"""The token of a Livy server that stands alone."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from hopyard.cli import livy, token
from hopyard.errors import SetupError
from hopyard.livy.app import create_app
from hopyard.settings import Settings


async def test_token_is_made_once_and_opens_the_server(tmp_path: Path) -> None:
    file = token.make(tmp_path / "run")
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(token.read(file)) > 40
    assert token.make(tmp_path / "run").read_text() == file.read_text()
    app = create_app(Settings(data_dir=tmp_path), None, token_file=file)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/sessions")).status_code == 401
        headers = {"Authorization": f"Bearer {token.read(file)}"}
        assert (await client.get("/sessions", headers=headers)).status_code == 200


def test_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    token.make(tmp_path).chmod(0o644)
    with pytest.raises(SetupError, match="delete it"):
        token.make(tmp_path)


def test_account_without_a_name_has_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert token.make(tmp_path).read_text().startswith("user")


@pytest.mark.parametrize(
    ("host", "file", "no_token"),
    [("127.0.0.1", "tokens", True), ("0.0.0.0", None, False), ("0.0.0.0", None, True)],
)
def test_open_doors_are_refused(
    tmp_path: Path, host: str, file: str | None, no_token: bool
) -> None:
    with pytest.raises(SetupError, match="token"):
        livy.serve(
            Settings(data_dir=tmp_path),
            None,
            host=host,
            token_file=tmp_path / file if file else None,
            no_token=no_token,
        )


def test_what_is_printed_has_no_token_in_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = token.make(tmp_path)
    livy._say_who_may(file, "http://127.0.0.1:1/")
    livy._say_who_may(None, "http://127.0.0.1:1/")
    said = capsys.readouterr().out
    assert str(file) in said
    assert "everybody with an account on this machine" in said
    assert token.read(file) not in said
