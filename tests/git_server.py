"""A real Git server for tests: git-http-backend behind HTTPS, with keys, permissions and faults."""

from __future__ import annotations

import base64
import contextlib
import datetime
import gzip
import ipaddress
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BACKEND = "/usr/lib/git-core/git-http-backend"
STAGES = {
    ("GET", "git-upload-pack"): "list",
    ("POST", "git-upload-pack"): "fetch",
    ("GET", "git-receive-pack"): "list-push",
    ("POST", "git-receive-pack"): "push",
}
CLEAN = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_AUTHOR_NAME": "Somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.org",
    "GIT_COMMITTER_NAME": "Somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.org",
}


def git(folder: Path, *words: str, feed: bytes = b"", codes: tuple[int, ...] = (0,)) -> str:
    """Run Git as a person would, apart from the engine."""
    done = subprocess.run(
        ["git", "-c", "core.fsmonitor=false", *words],
        cwd=folder,
        env=CLEAN,
        input=feed,
        capture_output=True,
        timeout=60,
    )
    all_to_its_owner(folder)
    assert done.returncode in codes, done.stderr.decode()
    return done.stdout.decode().strip()


def all_to_its_owner(folder: Path) -> None:
    """Give what root made in a folder to the folder's owner: those in the sandbox are no root."""
    known = folder.stat()
    if os.geteuid() == 0 and known.st_uid:
        for _, folders, files, place in os.fwalk(folder, follow_symlinks=False):
            for name in (*folders, *files):
                os.chown(name, known.st_uid, known.st_gid, dir_fd=place, follow_symlinks=False)


@dataclass
class Fault:
    """What goes wrong.

    Attributes:
        stage: list, fetch, list-push or push; a fault of `list` is one of `list-push` too. Git asks
            for the branches by a `fetch` too: `pack` is the one that gets objects, and can be cut,
            slow or deaf.
        kind: `status`, `drop`, `cut`, `slow`, `html`, `redirect`, `half` (reads half of what is
            sent), `deaf` (does it, and does not answer).
        value: the status, or the bytes after which to cut.
    """

    stage: str
    kind: str
    value: int = 0

    def hits(self, stage: str) -> bool:
        return self.stage in (stage, stage.removesuffix("-push"))


@dataclass
class Keep:
    """A repository on the server."""

    folder: Path
    readers: set[str]
    writers: set[str]
    hidden: bool = True
    """Answer 404 to who may not read, as GitHub and GitLab do; else 403, as Gitea can."""
    public: bool = False
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """The stages of requests that came with a key."""

    def commit(
        self, files: dict[str, bytes | None], branch: str = "main", words: str = "Work"
    ) -> str:
        """Commit on the server, by somebody else; None deletes a file."""
        tip = git(self.folder, "rev-parse", "--verify", "-q", f"refs/heads/{branch}", codes=(0, 1))
        start = tip or git(self.folder, "rev-parse", "--verify", "-q", "HEAD", codes=(0, 1))
        feed = f"commit refs/heads/{branch}\n".encode()
        feed += b"committer Somebody <somebody@example.org> 1700000000 +0000\n"
        feed += f"data {len(words.encode())}\n{words}\n".encode()
        if start:
            feed += f"from {start}\n".encode()
        for name, content in files.items():
            quoted = '"' + name.replace('"', '\\"') + '"'
            if content is None:
                feed += f"D {quoted}\n".encode()
            else:
                feed += f"M 100644 inline {quoted}\ndata {len(content)}\n".encode()
                feed += content + b"\n"
        git(self.folder, "fast-import", "--quiet", "--force", feed=feed)
        return self.tip(branch)

    def tip(self, branch: str) -> str:
        return git(self.folder, "rev-parse", "--verify", "-q", f"refs/heads/{branch}", codes=(0, 1))

    def read(self, branch: str, name: str) -> bytes:
        return subprocess.run(
            ["git", "cat-file", "blob", f"refs/heads/{branch}:{name}"],
            cwd=self.folder, env=CLEAN, capture_output=True, check=True, timeout=60,
        ).stdout  # fmt: skip

    def hook(self, name: str, script: str) -> None:
        file = self.folder / "hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)


class GitServer:
    """The server; `url(name)` is a repository's address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repositories: dict[str, Keep] = {}
        self.over = threading.Event()
        self.ca = folder / "ca.pem"
        _certificates(folder)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "server.pem")
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.keeper = self
        self._http.context = self._context
        self.port = self._http.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def url(self, name: str) -> str:
        return f"https://{self.host}/{name}.git"

    def make(self, name: str, key: str, files: dict[str, bytes | None] | None = None) -> Keep:
        folder = self.folder / "repositories" / f"{name}.git"
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "--bare", "--template=", "-b", "main")
        return self.take(name, key, files)

    def take(self, name: str, key: str, files: dict[str, bytes | None] | None = None) -> Keep:
        """Serve what is in the folder already."""
        folder = self.folder / "repositories" / f"{name}.git"
        git(folder, "config", "http.receivepack", "true")
        kept = self.repositories[name] = Keep(folder, {key}, {key})
        if files:
            kept.commit(files)
        return kept

    def close(self) -> None:
        self.over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)


@contextlib.contextmanager
def temp_git(folder: Path) -> Iterator[GitServer]:
    """Run a Git server with its own authority (`server.ca`) until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    server = GitServer(folder)
    try:
        yield server
    finally:
        server.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    keeper: GitServer
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(30)
        with contextlib.suppress(OSError):  # a client that does not like the certificate
            super().finish_request(
                self.context.wrap_socket(request, server_side=True), client_address
            )

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(None)

    def _serve(self, body: bytes | None) -> None:
        self.close_connection = True
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        name, _, rest = path.lstrip("/").partition(".git/")
        service = parts.query.removeprefix("service=") or rest
        stage = STAGES.get((self.command, service), "other")
        keep = self.server.keeper.repositories.get(name)
        if keep is None:
            return self._answer(404 if self._key() else 401)
        fault = next((one for one in keep.faults if one.hits(stage)), None)
        if fault and not self._go_on(fault):
            return None
        key = self._key()
        if key or not (keep.public and "push" not in stage):
            if not key:
                return self._answer(401)
            keep.asked.append(stage)
            known = {
                one for other in self.server.keeper.repositories.values() for one in other.readers
            }
            if key not in known:
                return self._answer(401)
            if key not in keep.readers:
                return self._answer(404 if keep.hidden else 403)
            if "push" in stage and key not in keep.writers:
                return self._answer(403)
        if body is None:
            body = self._body(fault)
            if body is None:
                return None
        if stage == "fetch" and b"command=fetch" in body:
            keep.asked.append("pack")
            fault = fault or next((one for one in keep.faults if one.stage == "pack"), None)
        return self._backend(path, parts.query, body, key, fault)

    def _go_on(self, fault: Fault) -> bool:
        if fault.kind == "status":
            if self._key() or fault.value != 401:
                self._answer(fault.value)
                return False
        elif fault.kind == "drop":
            self._hang_up()
            return False
        elif fault.kind == "html":
            self._answer(200, b"<html>Sign in</html>", "text/html")
            return False
        elif fault.kind == "redirect":
            self.send_response(302)
            self.send_header("Location", "https://127.0.0.1:9/elsewhere" + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return False
        return True

    def _key(self) -> str:
        given = self.headers.get("Authorization", "")
        if not given.startswith("Basic "):
            return ""
        return base64.b64decode(given[6:]).decode().partition(":")[2]

    def _body(self, fault: Fault | None) -> bytes | None:
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
                if fault and fault.kind == "half":
                    self._hang_up()
                    return None
            self.rfile.readline()
            body = b"".join(pieces)
        else:
            size = int(self.headers.get("Content-Length", 0))
            # Git's first POST may be a trial of four bytes, "0000".
            if fault and fault.kind == "half" and size > 4:
                self.rfile.read(size // 2)
                self._hang_up()
                return None
            body = self.rfile.read(size)
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _backend(self, path: str, query: str, body: bytes, key: str, fault: Fault | None) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.keeper.folder / "repositories"),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "HOME": "/nonexistent",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "somebody" if key else "",
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            [BACKEND], env=environment, input=body, capture_output=True, timeout=60
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        if fault and fault.kind == "deaf":
            return self._hang_up()
        status, lines = 200, []
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value[:3])
            else:
                lines.append((name, value))
        self.send_response(status)
        for name, value in lines:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if fault and fault.kind in ("cut", "slow"):
            self.wfile.write(content[: fault.value or len(content) // 2])
            self.wfile.flush()
            if fault.kind == "slow":
                self.connection.settimeout(60)
                with contextlib.suppress(OSError):
                    while not self.server.keeper.over.is_set() and self.connection.recv(1):
                        pass
            return self._hang_up()
        self.wfile.write(content)
        return None

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, body: bytes = b"", kind: str = "text/plain") -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="Git"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _certificates(folder: Path) -> None:
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    end = begin + datetime.timedelta(days=30)
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)]) for n in ("CA", "Git")]
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in names]
    made = []
    for name, key, is_ca in zip(names, keys, (True, False), strict=True):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        )
        if not is_ca:
            ip = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            other = x509.SubjectAlternativeName([ip, x509.DNSName("localhost")])
            builder = builder.add_extension(other, critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = keys[1].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "ca.pem").write_bytes(made[0])
    (folder / "server.pem").write_bytes(private + made[1])
