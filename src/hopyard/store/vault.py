"""Encryption at rest: AES-256-GCM under keys with ids, so that a key can be replaced by another.

The keys are lines `ID BASE64` (256 bits each) of a file of mode 0600, or of what a command prints
(a key management service's client); the last one encrypts, the others still open what is older.
What is sealed is bound to the place that it is for: a row that somebody copies to another place in
the database cannot be opened there.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hopyard.errors import SetupError, Unavailable

KEY_BYTES = 32
NONCE_BYTES = 12
COMMAND_SECONDS = 30.0


@dataclass(frozen=True)
class Sealed:
    """What is kept of a text, and the id of the key that opens it."""

    key: str
    blob: bytes


class Vault:
    """Seals and opens texts.

    Args:
        file: where the keys are; made at the first use.
        command: prints the keys instead, if given.
    """

    def __init__(self, file: Path, command: list[str] | None = None) -> None:
        self._file = file
        self._command = command
        self._keys: dict[str, bytes] = {}
        self._read_at: tuple[int, int] | None = None

    def __repr__(self) -> str:
        return f"Vault({str(self._file)!r})"

    @property
    def current(self) -> str:
        """The id of the key that encrypts now."""
        return list(self._known())[-1]

    def seal(self, text: str, place: str) -> Sealed:
        """Encrypt a text for one place.

        Raises:
            SetupError: there are no keys to be had.
        """
        keys = self._known()
        key = list(keys)[-1]
        nonce = secrets.token_bytes(NONCE_BYTES)
        return Sealed(key, nonce + AESGCM(keys[key]).encrypt(nonce, text.encode(), place.encode()))

    def open(self, sealed: Sealed, place: str) -> str:
        """Decrypt what was sealed for this place.

        Raises:
            Unavailable: its key is not there, or it was sealed for another place or was damaged.
        """
        key = self._known().get(sealed.key)
        if key is None:
            raise Unavailable(f"The key {sealed.key} that this was encrypted with is missing.")
        nonce, rest = sealed.blob[:NONCE_BYTES], sealed.blob[NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, rest, place.encode()).decode()
        except InvalidTag:
            raise Unavailable("This was damaged: it cannot be decrypted.") from None

    def add_key(self, keep: set[str]) -> str:
        """Make a new key that encrypts from now on; return its id.

        Args:
            keep: ids of older keys that something is still encrypted with; others are dropped,
                except the last one, which a process may be using at this moment.

        Raises:
            SetupError: the keys come from a command, which has to bring the new key itself.
        """
        if self._command:
            raise SetupError(
                "The keys come from secrets_key_command: let it print the new key as its last "
                "line, then run this again."
            )
        known = self._known()
        last = list(known)[-1]
        kept = {name: key for name, key in known.items() if name in keep or name == last}
        name = _new_id(known)
        _write(self._file, {**kept, name: secrets.token_bytes(KEY_BYTES)})
        return name

    def _known(self) -> dict[str, bytes]:
        """The keys, read again when the file has changed since (another process has rotated)."""
        if self._command:
            if not self._keys:
                self._keys = _parse(_run(self._command), "secrets_key_command")
            return self._keys
        try:
            found = self._file.stat()
        except FileNotFoundError:
            _make(self._file)
            found = self._file.stat()
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise SetupError(
                f"{self._file} can be read by others: `chmod 600 {self._file}`, "
                "then `hopyard secrets rotate`."
            )
        if (version := (found.st_mtime_ns, found.st_ino)) != self._read_at:
            self._keys = _parse(self._file.read_text(), str(self._file))
            self._read_at = version
        return self._keys


def _new_id(known: dict[str, bytes]) -> str:
    numbers = [int(name[1:]) for name in known if name[:1] == "k" and name[1:].isdigit()]
    return f"k{max(numbers, default=0) + 1}"


def _make(file: Path) -> None:
    """Make the file with a first key; of two processes at once, one does."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    _put(part, {_new_id({}): secrets.token_bytes(KEY_BYTES)})
    try:
        os.link(part, file)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def _write(file: Path, keys: dict[str, bytes]) -> None:
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    _put(part, keys)
    part.replace(file)


def _put(file: Path, keys: dict[str, bytes]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.writelines(
            f"{name} {base64.b64encode(key).decode()}\n" for name, key in keys.items()
        )
        stream.flush()
        os.fsync(stream.fileno())


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        # Neither its output nor its arguments: either may hold a key.
        raise SetupError(f"secrets_key_command failed ({type(error).__name__}).") from None
    return done.stdout


def _parse(text: str, source: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            name, encoded = words
            key = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            name, key = "", b""
        if not name or len(key) != KEY_BYTES:
            raise SetupError(f"{source}, line {number}: `ID BASE64` with 256 bits is expected.")
        keys[name] = key
    if not keys:
        raise SetupError(f"{source} has no key: lines of `ID BASE64` are expected.")
    return keys
