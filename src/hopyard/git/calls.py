"""Running Git: a scrubbed environment, no program of the repository's choice, every call limited.

The settings are given by environment (`GIT_CONFIG_COUNT`, no secrets in them) and so win over the
repository's own, which the user's code can write. The API key goes through a pipe to our credential
helper and nowhere else.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from hopyard.errors import InvalidInput
from hopyard.git.faults import GitFault, read
from hopyard.git.process import Process, Result
from hopyard.protocol.git import Author, Progress, Reason, Remote, Request

LOW_SPEED_BYTES = 500
OUTPUT_MOST = 64 * 2**20
HELPER = Path(__file__).with_name("credential.py")
SILENT = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "protocol.allow": "never",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "core.logAllRefUpdates": "true",
}
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "LANGUAGE": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": "/bin/false",
    "GIT_PAGER": "cat",
}
_PERCENT = re.compile(r"^(?:remote: )?([A-Z][A-Za-z ]+): +(\d+)%")


class Git:
    """Git on one repository, for one request.

    Args:
        request: whose remote, rules, key and time limit count.
        folder: the working copy.
        home: an empty folder for Git's `HOME`.
        report: is told of steps.
        until: `time.monotonic()` at which everything must be over.
        inherited: an open file that the processes keep (the copy's lock).
    """

    def __init__(
        self,
        request: Request,
        folder: Path,
        home: Path,
        report: Callable[[Progress], None],
        until: float,
        inherited: int | None = None,
    ) -> None:
        self.request = request
        self.folder = folder
        self.home = home
        self.report = report
        self.until = until
        self._inherited = inherited
        self._ips: list[str] = []

    @property
    def dir(self) -> Path:
        """The repository inside the working copy."""
        return self.folder / ".git"

    @property
    def remote(self) -> Remote:
        """The repository on the server."""
        return self.request.remote

    @property
    def host(self) -> str:
        """The server's name, for sentences."""
        return urlsplit(self.remote.url).netloc

    def at(self, folder: Path) -> Git:
        """Return the same for another folder."""
        other = Git(self.request, folder, self.home, self.report, self.until, self._inherited)
        other._ips = self._ips
        return other

    def step(self, words: str, percent: int | None = None) -> None:
        """Tell what is done now."""
        self.report(Progress(step=words, percent=percent))

    # --- calls -----------------------------------------------------------------------------------

    def run(
        self,
        *words: str,
        feed: bytes = b"",
        index: Path | None = None,
        author: Author | None = None,
        date: str = "",
        codes: tuple[int, ...] = (0,),
        most: int = OUTPUT_MOST,
        extra: dict[str, str] | None = None,
    ) -> Result:
        """Run Git on the repository, without network.

        Args:
            words: the command and its arguments.
            feed: standard input.
            index: an index file instead of the repository's own.
            author: of commits; the request's, if not given.
            date: of the author, as Git writes it (`@SECONDS +ZONE`).
            codes: exit codes that are no fault.
            most: bytes of output after which the call is ended (`Result.cut`).
            extra: more settings of Git.

        Raises:
            GitFault: another exit code, or the time is over.
        """
        environment = self._environment([*SILENT.items(), *(extra or {}).items()])
        if index is not None:
            environment["GIT_INDEX_FILE"] = str(index)
        environment |= self._people(author, date)
        result = self._call(words, environment, feed, (), most)
        if result.code not in codes and not result.cut:
            raise read(result.said, self.host)
        return result

    def word(self, *words: str, **options: object) -> str:
        """Run Git and return its output's text; empty where it fails."""
        result = self.run(*words, codes=tuple(range(256)), **options)  # type: ignore[arg-type]
        return "" if result.code else result.text

    def online(self, *words: str, codes: tuple[int, ...] = (0,), traced: bool = False) -> Result:
        """Run Git with the server's address and the key at hand.

        Args:
            words: the command and its arguments.
            codes: exit codes that are no fault.
            traced: also say each packet of Git's protocol (there is no key in them).

        Raises:
            GitFault: it failed; the reason says why.
        """
        # The empty helper takes away those of the repository's own settings.
        lines = [*SILENT.items(), *self._network().items(), ("credential.helper", "")]
        known = {
            "protocol": urlsplit(self.remote.url).scheme,
            "host": self.host,
            # Git asks with the path as it is, without its escapes.
            "path": unquote(urlsplit(self.remote.url).path),
            "username": self.remote.user_name,
            "password": self.request.key.get_secret_value(),
        }
        reading, writing = os.pipe()
        try:
            with os.fdopen(writing, "wb") as pipe:
                if known["password"]:
                    pipe.write(json.dumps(known).encode())
            helper = shlex.join([sys.executable, "-I", "-S", str(HELPER), str(reading)])
            lines.append(("credential.helper", f"!{helper}"))
            environment = self._environment(lines)
            if traced:
                environment["GIT_TRACE_PACKET"] = "true"
            result = self._call(words, environment, b"", (reading,), OUTPUT_MOST)
        finally:
            os.close(reading)
        if result.code not in codes:
            raise read(result.said, self.host)
        return result

    def _network(self) -> dict[str, str]:
        rules, url = self.request.rules, self.remote.url
        parts = urlsplit(url)
        if not self._ips:
            try:
                self._ips = rules.resolve(url)
            except InvalidInput as error:
                raise GitFault(Reason.ADDRESS, str(error)) from None
            except OSError:
                raise GitFault(Reason.OFFLINE, f"The host {parts.hostname} is not known.") from None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        # The most specific setting wins: these name the whole address, the user's cannot be longer.
        own = {
            "followRedirects": "false",
            "sslVerify": "true",
            "proxy": "",
            "extraHeader": "",
            "lowSpeedLimit": str(LOW_SPEED_BYTES),
            "lowSpeedTime": str(rules.stall_seconds),
            **({"sslCAInfo": rules.ca_file} if rules.ca_file else {}),
        }
        shown = [f"[{ip}]" if ":" in ip else ip for ip in self._ips]
        return {
            f"protocol.{parts.scheme}.allow": "always",
            "credential.useHttpPath": "true",
            # What was checked is what is connected to: the name is not looked up again.
            "http.curloptResolve": f"{parts.hostname}:{port}:{','.join(shown)}",
            **{f"http.{url}.{name}": value for name, value in own.items()},
        }

    # --- the process -----------------------------------------------------------------------------

    def _environment(self, settings: list[tuple[str, str]]) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            **ENVIRONMENT,
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home),
            "GIT_DIR": str(self.dir),
            "GIT_WORK_TREE": str(self.folder),
            **_settings(settings),
        }

    def _people(self, author: Author | None, date: str) -> dict[str, str]:
        copy = self.request.working_copy
        own = copy.author if copy else Author(name="Hopyard", address="hopyard@localhost")
        written = author or own
        return {
            "GIT_COMMITTER_NAME": own.name or "unknown",
            "GIT_COMMITTER_EMAIL": own.address,
            "GIT_AUTHOR_NAME": written.name or "unknown",
            "GIT_AUTHOR_EMAIL": written.address,
            **({"GIT_AUTHOR_DATE": date} if date else {}),
        }

    def _call(
        self,
        words: tuple[str, ...],
        environment: dict[str, str],
        feed: bytes,
        passed: tuple[int, ...],
        most: int,
    ) -> Result:
        held = () if self._inherited is None else (self._inherited,)
        place = self.folder if self.folder.is_dir() else self.home
        process = Process(["git", *words], environment, place, passed + held)
        try:
            return process.run(feed, most, self.until, self._tell, self.scrub)
        except TimeoutError:
            raise GitFault(
                Reason.TIMEOUT, f"The time limit is over, and {self.host} was not done."
            ) from None
        except FileNotFoundError:
            raise GitFault(Reason.INTERNAL, "Git is not installed on this machine.") from None

    def _tell(self, piece: bytes) -> None:
        for line in reversed(re.split(r"[\r\n]", piece.decode(errors="replace"))):
            if found := _PERCENT.match(line):
                self.step(found[1], min(100, int(found[2])))
                return

    def scrub(self, text: str) -> str:
        """Take the key out of a text, in each way that it could be written."""
        key = self.request.key.get_secret_value()
        if not key:
            return text
        pair = b64encode(f"{self.remote.user_name}:{key}".encode()).decode()
        for form in (key, quote(key, safe=""), pair, b64encode(key.encode()).decode()):
            text = text.replace(form, "***")
        return text


def _settings(lines: list[tuple[str, str]]) -> dict[str, str]:
    found = {"GIT_CONFIG_COUNT": str(len(lines))}
    for number, (name, value) in enumerate(lines):
        found |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return found
