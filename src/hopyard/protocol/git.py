"""What hub and web say to the Git engine (`hopyard.git`), and what it answers.

The engine runs in the user's sandbox: `python -m hopyard.git` reads one `Request` as JSON on
standard input (`Request.wire()`: the API key is in it and nowhere else) and writes JSON lines on
standard output: any number of `Progress`, then one `Outcome`.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, Field, SecretStr, TypeAdapter

from hopyard.errors import InvalidInput

ADDRESS_MOST = 500
BRANCH_MOST = 200
FORM = "Use the repository's HTTPS address, for example https://github.com/NAME/REPOSITORY.git."
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+/?")


class Provider(StrEnum):
    """Who keeps the repository."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GIT = "git"
    """Any Git server over HTTPS."""


USER_NAMES = {Provider.GITHUB: "x-access-token", Provider.GITLAB: "oauth2", Provider.GIT: "git"}
"""The user's name that goes with an API key where none is given; these servers look at the key."""


def address(text: str) -> str:
    """Bring a repository's address to its one form.

    Raises:
        ValueError: it is not allowed, with what is.
    """
    text = text.strip()
    if len(text) > ADDRESS_MOST:
        raise ValueError(f"The address has more than {ADDRESS_MOST} characters.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"This is no address. {FORM}") from None
    if parts.scheme not in ("https", "http"):
        raise ValueError(f"Only https addresses are allowed. {FORM}")
    if "@" in parts.netloc:
        raise ValueError("No name and no password in the address: choose an API key instead.")
    host = (parts.hostname or "").rstrip(".")
    if not (_HOST.fullmatch(host) or _is_ip(host)):
        raise ValueError(f"The address names no host. {FORM}")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError(f"No “?” and no “#” in the address. {FORM}")
    steps = unquote(parts.path).split("/")
    if not _PATH.fullmatch(parts.path) or {"..", "."} & set(steps) or _odd(unquote(parts.path)):
        raise ValueError(f"The address's path is not that of a repository. {FORM}")
    shown = f"[{host}]" if ":" in host else host
    own = "" if port in (None, {"https": 443, "http": 80}[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{shown}{own}{parts.path.rstrip('/')}"


def _odd(path: str) -> bool:
    return any(ord(character) < 32 or character in "\x7f\\" for character in path)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def branch(text: str) -> str:
    """Check the name of a branch (the rules of git-check-ref-format, without surprises).

    Raises:
        ValueError: it is not allowed, with what is.
    """
    text = text.strip()
    bad = (
        not text
        or len(text.encode()) > BRANCH_MOST
        or text[0] in "-/."
        or text[-1] in "/."
        or text in ("@", "HEAD")
        or any(ord(character) < 33 or character in "\x7f~^:?*[\\" for character in text)
        or any(pair in text for pair in ("..", "//", "@{", "/.", "/-"))
        or any(step.endswith(".lock") for step in text.split("/"))
    )
    if bad:
        raise ValueError(
            f"A branch's name has 1 to {BRANCH_MOST} characters, without spaces "
            "and ~ ^ : ? * [ \\, and starts with none of - / ."
        )
    return text


def _line(text: str) -> str:
    """Take out what would break the line of an author in a commit."""
    return re.sub(r"[\x00-\x1f\x7f<>]", "", text).strip()


Address = Annotated[str, AfterValidator(address)]
Branch = Annotated[str, AfterValidator(branch)]


class _Model(BaseModel, extra="forbid", hide_input_in_errors=True):
    """Errors do not show what was given: people paste addresses with passwords."""


class Rules(_Model):
    """What the administrator allows."""

    http_hosts: frozenset[str] = frozenset()
    """Hosts (`host` or `host:port`) that may be reached by http, without encryption."""
    internal_hosts: frozenset[str] = frozenset()
    """Hosts (`host` or `host:port`) that may have internal addresses."""
    ca_file: str = ""
    """Certificates of authorities to trust, as the engine sees the file; the system's if empty."""
    stall_seconds: int = Field(30, ge=1)
    """A transfer that all but stands still for this long is given up."""
    file_most: int = 100 * 2**20
    """Untracked files with more bytes than this are not copied into rescue snapshots."""

    def resolve(self, url: str) -> list[str]:
        """Check an address against the rules, its host's name looked up.

        Args:
            url: as `address` returns it.

        Returns:
            The IP addresses that may be connected to (connect to these, do not look up again).

        Raises:
            InvalidInput: it is not allowed.
            OSError: the name is not known, or there is no network.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        names = {host, f"{host}:{port or {'https': 443}.get(parts.scheme, 80)}"}
        if parts.scheme == "http" and not names & self.http_hosts:
            raise InvalidInput(f"Only https is allowed, not http, for {host}.", "url")
        found = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
        ips = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not names & self.internal_hosts:
            for ip in ips:
                if not _public(ip):
                    raise InvalidInput(
                        f"{host} is an internal address of this network; "
                        "an administrator can allow it.",
                        "url",
                    )
        return ips


def _public(ip: str) -> bool:
    found = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return _public(str(inner))
    return found.is_global and not found.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Remote(_Model, frozen=True):
    """A repository on a server."""

    provider: Provider = Provider.GIT
    url: Address
    user: str = Field("", max_length=200, pattern=r"^[^\x00-\x1f\x7f:]*$")
    """The user's name beside the API key, where the server wants one (see `USER_NAMES`)."""

    @property
    def user_name(self) -> str:
        """The name that is sent with the API key."""
        return self.user or USER_NAMES[self.provider]

    @property
    def folder(self) -> str:
        """The name of its working copy's folder: readable, and of this whole address alone."""
        last = unquote(self.url.rsplit("/", 1)[1]).removesuffix(".git")
        readable = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.")[:40] or "repository"
        return f"{readable}-{hashlib.sha256(self.url.encode()).hexdigest()[:12]}"


class Author(_Model):
    """Who commits."""

    name: Annotated[str, AfterValidator(_line)]
    address: Annotated[str, AfterValidator(_line)]


class WorkingCopy(_Model):
    """A working copy in durable storage of (user, project)."""

    folder: str
    """The copy itself, an absolute path as the engine sees it; name it by `Remote.folder`."""
    base: Branch
    head: Branch
    pull_on_start: bool = True
    push_on_stop: bool = True
    ignore_uncommitted: bool = False
    """Pull although there are uncommitted changes (they are kept, or nothing is pulled)."""
    on_divergence: Literal["rebase", "merge"] = "merge"
    author: Author


class Job(StrEnum):
    """What the engine does for one request."""

    CHECK = "check"
    """Is the address right, the key, the branches, and what may the key do? Needs no copy."""
    BRANCHES = "branches"
    """The server's branches and its default one. Needs no copy."""
    OPEN = "open"
    """Clone or repair, then pull. While no Jupyter server runs on the copy."""
    PUSH = "push"
    """Push to head."""
    SNAPSHOT = "snapshot"
    """Keep uncommitted changes and unpushed commits in a rescue. Needs no network."""
    SAVE = "save"
    """Save all of the copy at `Request.save`, if it changed. Needs no network."""
    RESCUES = "rescues"
    """The rescues that there are."""
    DIFF = "diff"
    """What one rescue holds."""
    RESTORE = "restore"
    """Bring a rescue back. While no Jupyter server runs on the copy, or with care."""
    FORGET = "forget"
    """Delete a rescue."""


ONLINE = frozenset({Job.CHECK, Job.BRANCHES, Job.OPEN, Job.PUSH})
"""Jobs that talk to the server: give them the key."""


class Request(_Model):
    """One job."""

    job: Job
    remote: Remote
    rules: Rules = Rules()
    key: SecretStr = SecretStr("")
    """The API key; empty for a repository that anyone may read."""
    working_copy: WorkingCopy | None = None
    """Needed by all jobs but `branches`; `check` looks at its branches only."""
    save: str = ""
    """A folder as the engine sees it, where a copy whose disk is not durable is saved; for `save`,
    and for `open`, which makes a lost copy again from there."""
    rescue: str = Field("", pattern=r"^([0-9]{8}T[0-9]{12}Z)?$")
    """The name of a rescue, for `diff`, `restore` and `forget`."""
    seconds: float = Field(600.0, gt=0)
    """The longest that the job may take."""

    def wire(self) -> bytes:
        """Return the request with its key, for the engine's standard input alone."""
        plain = self.model_dump(mode="json", exclude={"key"})
        plain["key"] = self.key.get_secret_value()
        return _ANY.dump_json(plain)


_ANY: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])


class Progress(_Model):
    """A step of the job."""

    type: Literal["progress"] = "progress"
    step: str
    """In words ("Receiving objects")."""
    percent: int | None = Field(None, ge=0, le=100)


class State(StrEnum):
    """How a job ended."""

    DONE = "done"
    ATTENTION = "attention"
    """Done as far as possible; the sentence says what is left to do. A server can start."""
    FAILED = "failed"
    """Nothing was changed."""


class Reason(StrEnum):
    """Why a job did not do everything."""

    ADDRESS = "address"
    OFFLINE = "offline"
    CERTIFICATE = "certificate"
    REDIRECTED = "redirected"
    UNAUTHORISED = "unauthorised"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    SERVER = "server"
    """The server answers with a fault of its own, or with what is not Git."""
    CUT = "cut"
    TIMEOUT = "timeout"
    NO_BRANCH = "no_branch"
    DIVERGED = "diverged"
    """A push that would need force: the server has commits that are not here."""
    PROTECTED = "protected"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    UNCOMMITTED = "uncommitted"
    IN_PROGRESS = "in_progress"
    """A merge or rebase that the user has begun is not finished."""
    BUSY = "busy"
    DISK_FULL = "disk_full"
    NO_COPY = "no_copy"
    NO_RESCUE = "no_rescue"
    INTERNAL = "internal"


class Position(_Model):
    """Where a working copy stands."""

    branch: str = ""
    """Empty when HEAD is detached."""
    commit: str = ""
    """Empty when nothing was committed yet."""
    unpushed: int = 0
    """Commits of local branches that the server does not have, as far as known."""
    uncommitted: int = 0
    """Files that are changed or new."""


class Rescue(_Model):
    """Work that is kept aside."""

    name: str
    """Its time, `YYYYMMDDTHHMMSSffffffZ`."""
    branch: str
    commits: int
    """Commits in it that the server did not have."""
    files: int
    """Files with uncommitted changes."""
    here: bool
    """Whether all of it is in the working copy as it stands: nothing to restore."""
    left_out: list[str] = []
    """Files that are not in it: too large, or not readable."""


class Data(_Model):
    """What a job found; each job fills its own fields."""

    branches: list[str] = []
    default_branch: str = ""
    """Empty for an empty repository."""
    empty: bool = False
    may_push: bool | None = None
    """What the key may do; None if unknown."""
    position: Position | None = None
    rescue: str = ""
    """The rescue that this job made."""
    rescues: list[Rescue] = []
    """All of them; of `open`, those whose work is not in the copy any more."""
    diff: str = ""
    diff_cut: bool = False
    """The diff was too long: this is its beginning."""
    saved: bool = False
    """There was something new to save."""
    conflicts: list[str] = []
    """Files in which both sides changed the same lines."""


class Outcome(_Model):
    """The end of a job."""

    type: Literal["outcome"] = "outcome"
    state: State
    sentence: str
    """One sentence (or two) for the page and the log; never with a secret in it."""
    reason: Reason | None = None
    """None when everything was done."""
    data: Data = Data()


Answer = Annotated[Progress | Outcome, Field(discriminator="type")]
ANSWERS: TypeAdapter[Progress | Outcome] = TypeAdapter(Answer)
"""Reads one line of the engine."""
