"""Ports and tokens are kept between runs; the data directory is taken once."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hopyard.cli import frame
from hopyard.errors import SetupError
from hopyard.settings import Settings


def test_frame_is_kept(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first = frame.make_platform(settings)
    assert frame.make_platform(settings) == first
    assert settings.platform_file.stat().st_mode & 0o077 == 0


def test_taken_port_is_chosen_anew_and_tokens_stay(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first = frame.make_platform(settings)
    port = urlsplit(first.hub_url).port
    assert port
    with socket.create_server(("127.0.0.1", port)):
        second = frame.make_platform(settings)
    assert second.hub_url != first.hub_url
    assert second.livy_url == first.livy_url
    assert second.web_token == first.web_token


def test_data_dir_is_taken_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    held = frame.lock(settings)
    with pytest.raises(SetupError, match="runs already"):
        frame.lock(settings)
    os.close(held)
    os.close(frame.lock(settings))


def test_logs_of_the_last_runs_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "hub.log"
    for number in range(8):
        log.write_text(str(number))
        frame.rotate(log, keep=3)
    assert not log.exists()
    assert [file.read_text() for file in sorted(tmp_path.iterdir())] == ["7", "6", "5"]
