"""Asking the platform from a notebook or a Spark driver; what `hopyard.secret` does.

Standard library only: this is imported in kernels of people's own environments.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

from hopyard.errors import NotFound, Unavailable
from hopyard.mask import Mask
from hopyard.protocol.names import is_name

PATIENCE = 40.0
DESK = "HOPYARD_DESK"
"""The socket of a driver's agent."""
API = "HOPYARD_API_URL"
WORDS = (
    *("msg_id", "msg_type", "session", "username", "date", "version", "subshell_id"),
    *("execution_state", "status", "name", "comm_id", "target_name", "hopyard_statement"),
)
"""Fields of Jupyter's messages in which nobody's text is: masked, they would mean nothing."""


def secret(name: str, owner: str | None) -> str:
    """Return a secret's value (see `hopyard.secret`)."""
    if not is_name(name):
        raise NotFound(f"There is no secret {name[:100]!r}.")
    if place := os.environ.get(DESK):
        answer = _from_agent(place, {"secret": name, "owner": owner})
    elif os.environ.get(API):
        answer = _from_web(name, owner)
    else:
        raise Unavailable("hopyard.secret works in notebooks and Spark sessions of Hopyard.")
    if "value" not in answer:
        raise NotFound(str(answer.get("fault", "The secret cannot be read.")))
    _hide(str(answer["value"]))
    return str(answer["value"])


def _hide(value: str) -> None:
    """Hide a value in all that a notebook's kernel says from now on; drivers do it themselves."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    session = getattr(getattr(shell, "kernel", None), "session", None)
    if session is None or os.environ.get(DESK):
        return
    mask = getattr(session.pack, "mask", None)
    if mask is None:
        mask, pack = Mask(), session.pack

        def masked(message: Any) -> bytes:
            packed: bytes = pack(mask.hide_in(message, WORDS))
            return packed

        masked.mask = mask  # type: ignore[attr-defined]
        session.pack = masked
        session.send = _whole(session, mask)
    mask.add(value)


def _whole(session: Any, mask: Mask) -> Any:
    """Return a session's `send` that keeps back what may be the beginning of a value.

    A kernel sends what is printed as it comes, also letter by letter.
    """
    send = session.send
    held: dict[str, tuple[str, Any, Any, Any]] = {}

    def sent(stream: Any, message: Any, content: Any = None, *more: Any, **named: Any) -> Any:
        kind = message if isinstance(message, str) else message["header"]["msg_type"]
        told = content if isinstance(message, str) else message["content"]
        if kind == "status" and told.get("execution_state") == "idle":
            for name, (text, place, parent, ident) in list(held.items()):
                del held[name]
                send(place, "stream", {"name": name, "text": text}, parent=parent, ident=ident)
        if kind != "stream":
            return send(stream, message, content, *more, **named)
        name, ident = told["name"], named.get("ident")
        parent = named.get("parent") if isinstance(message, str) else message["parent_header"]
        text = mask.hide(held.pop(name, ("",))[0] + told["text"])
        begun = mask.begun(text)
        if begun:
            held[name] = (text[len(text) - begun :], stream, parent, ident)
        text = text[: len(text) - begun]
        if not text:
            return None
        return send(stream, "stream", {"name": name, "text": text}, parent=parent, ident=ident)

    return sent


def _from_agent(place: str, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(place)
            connection.sendall(json.dumps(asked).encode() + b"\n")
            found: dict[str, Any] = json.loads(connection.makefile("rb").readline())
            return found
    except (OSError, ValueError) as error:
        raise Unavailable(f"The driver does not answer ({type(error).__name__}).") from None


def _from_web(name: str, owner: str | None) -> dict[str, Any]:
    project, token = os.environ["HOPYARD_PROJECT"], os.environ["JUPYTERHUB_API_TOKEN"]
    address = f"{os.environ[API]}projects/{quote(project)}/secrets/{quote(name, safe='')}"
    if owner:
        address += "?" + urlencode({"owner": owner})
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as response:
            found: dict[str, Any] = json.load(response)
            return found
    except urllib.error.HTTPError as error:
        return {"fault": _fault(error)}
    except (OSError, ValueError) as error:
        raise Unavailable(f"The platform does not answer ({type(error).__name__}).") from None


def _fault(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError):
        return f"The platform answers {error.code}."


def main() -> None:
    """Print the answer for a secret, and perhaps its owner, as JSON: for R."""
    try:
        answer = {"value": secret(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)}
    except (NotFound, Unavailable) as error:
        answer = {"fault": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
