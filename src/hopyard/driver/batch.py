"""`python -m hopyard.driver.batch`: runs one application to its end, and writes down how it went.

A small process around spark-submit, in the sandbox with it. The Livy server may be killed and
started again meanwhile: what it then needs to know (the application's id, its UI, the exit code) is
in the report, a file in the folder that the configuration came in.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hopyard.driver import application, configuration, sparkr
from hopyard.driver.process import child_setup, exit_words
from hopyard.driver.spark import (
    SparkFailed,
    environment,
    properties,
    properties_text,
    sockets_in,
    spark_home,
    spark_submit,
    why_ended,
    write_private,
)
from hopyard.protocol import spark_ui
from hopyard.protocol.messages import REPORT

LOOK_SECONDS = 0.1
RELEASE_SECONDS = 120.0
TAIL_BYTES = 32 * 1024
TAIL_LINES = 200
INSTALL_R = (
    "install R where the driver runs (Debian, Ubuntu: apt-get install r-base-core r-cran-jsonlite)."
)
CANNOT_START = 1
"""The exit code when there is no application at all."""


class Report:
    """What the Livy server may read at any moment: always a whole file.

    Args:
        file: where.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._said: dict[str, Any] = {}

    def say(self, **facts: Any) -> None:
        """Add something; a disk that is full is no reason to stop the application."""
        self._said |= facts
        part = self._file.with_suffix(".part")
        try:
            part.write_text(json.dumps(self._said))
            part.replace(self._file)
        except OSError as error:
            print(f"hopyard: the report cannot be written: {error.strerror}", file=sys.stderr)


class Submission:
    """An application in a process of its own.

    Args:
        config: a BatchConfig, as plain JSON.
        folder: for the file of Spark's properties, which has secrets in it.
    """

    def __init__(self, config: dict[str, Any], folder: Path) -> None:
        conf = properties(config)
        in_r = r_environment(conf) if config["file"].lower().endswith(".r") else {}
        self._key = spark_ui.decoded(conf.get(spark_ui.KEY, ""))
        self._port = application.free_port()
        conf["spark.ui.port"] = str(self._port)
        self._names = folder / "names"
        self._names.mkdir()
        conf |= application.name_sink(self._names, conf)
        if conf["spark.master"].startswith("local"):
            conf = sockets_in(folder) | conf
        self._properties = folder / "spark.properties"
        write_private(self._properties, properties_text(conf))
        command = spark_submit(self._properties)
        if config.get("class_name"):
            command += ["--class", config["class_name"]]
        self.process = subprocess.Popen(
            [*command, config["file"], *config.get("args", [])],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=child_setup(signal.SIGTERM),  # no threads yet: safe
            env=environment(conf) | {"PYSPARK_DRIVER_PYTHON": str(python(folder))} | in_r,
            cwd=config.get("work_dir", "."),
        )

    def follow(self, report: Report) -> int:
        """Wait for the application's end; report its id and its UI as soon as they are known."""
        descriptor = os.pidfd_open(self.process.pid)
        known = False
        while not select.select([descriptor], [], [], None if known else LOOK_SECONDS)[0]:
            if found := application.find(self.process.pid, self._port, self._key):
                known = True
                self._properties.unlink(missing_ok=True)  # read long ago
                report.say(app_id=found[0], ui_url=found[1])
            elif name := application.named(self._names):
                known = True
                report.say(app_id=name)
        self.signal(signal.SIGKILL)  # what it started and left; it itself is not reaped yet
        os.close(descriptor)
        if not known and (name := application.named(self._names)):
            report.say(app_id=name)  # it ended between two looks
        return self.process.wait()

    def signal(self, number: int) -> None:
        """Send a signal to the application and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def main() -> None:
    """Run the application of the configuration to its end."""
    raw, folder = configuration.take()
    report = Report(folder / REPORT)
    if not _released(folder / f"go-{raw['ticket']}"):
        sys.exit("hopyard: the Livy server did not let this begin")
    try:
        with tempfile.TemporaryDirectory(prefix="hopyard-", dir=folder) as private:
            submission = Submission(raw, Path(private))
            signal.signal(signal.SIGTERM, lambda *_: submission.signal(signal.SIGTERM))
            code = submission.follow(report)
    except (SparkFailed, OSError) as error:
        report.say(exit_code=CANNOT_START, reason=f"The application cannot be started: {error}")
        sys.exit(CANNOT_START)
    reason = ""
    if code:
        reason = why_ended(code, _tail(), "the application")
        print(f"hopyard: the application ended ({exit_words(code)})", file=sys.stderr)
    code = code if code >= 0 else 128 - code
    report.say(exit_code=code, reason=reason[:1].upper() + reason[1:])
    sys.exit(code)


def python(folder: Path) -> Path:
    """Return the program that spark-submit is to run Python files with."""
    program = folder / "python"
    words = shlex.join([sys.executable, str(Path(__file__).with_name("script.py"))])
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o700)
    return program


def r_environment(conf: dict[str, str]) -> dict[str, str]:
    """Return what an application in R needs in its environment, and add to its properties.

    Raises:
        SparkFailed: R has to be installed.
    """
    if shutil.which("Rscript") is None:
        raise SparkFailed(f"R is not installed: {INSTALL_R}")
    conf.setdefault("spark.r.backendConnectionTimeout", sparkr.BACKEND_SECONDS)
    if sparkr.has_own(spark_home()):
        return {}
    # R reads it before the application; the user's own profile is taken by Spark.
    return {"R_PROFILE": str(sparkr.SOURCES / "batch.R"), "HOPYARD_R": str(sparkr.SOURCES)}


def _released(go: Path) -> bool:
    """Wait until the server has written down where we run: else nobody knows of the application."""
    end = time.monotonic() + RELEASE_SECONDS
    while not go.exists():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _tail() -> list[str]:
    """Return the last lines of our own log; the launcher opened it for reading too."""
    with contextlib.suppress(OSError):
        size = os.fstat(1).st_size
        text = os.pread(1, TAIL_BYTES, max(0, size - TAIL_BYTES)).decode(errors="replace")
        return text.splitlines()[-TAIL_LINES:]
    return []


if __name__ == "__main__":
    main()
