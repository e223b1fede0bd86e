"""What every route needs: who is asking, which session, the body, how long to hold."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Depends, Header, Query, Request
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from hopyard.errors import InvalidInput, NotAllowed
from hopyard.livy.access import SAFE_METHODS, Access, Caller
from hopyard.livy.batches.service import Batches
from hopyard.livy.owned import DIGITS
from hopyard.livy.records import Session
from hopyard.livy.requests import RequestBody, parse
from hopyard.livy.secrets import PlatformSecrets
from hopyard.livy.sessions import Sessions
from hopyard.livy.statements import Statements
from hopyard.livy.talk import Talk
from hopyard.settings import Settings

VERSION = "0.1"
VERSIONED = re.compile(r"application/vnd\.livy\.v([^+,;\s]*)\+json")
"""How a client asks for a version of the API."""
KEY = '"?[A-Za-z0-9._~:+/=-]{1,128}"?'
"""What `Idempotency-Key` may be."""


class Services:
    """The objects that the routes use, kept at the app."""

    def __init__(
        self,
        settings: Settings,
        access: Access,
        sessions: Sessions,
        statements: Statements,
        talk: Talk,
        batches: Batches,
        secrets: PlatformSecrets | None = None,
    ) -> None:
        self.settings = settings
        self.access = access
        self.sessions = sessions
        self.statements = statements
        self.talk = talk
        self.batches = batches
        self.secrets = secrets
        """None for a server that stands alone: it keeps none."""


def services(request: HTTPConnection) -> Services:
    """Return the app's objects."""
    found: Services = request.app.state.services
    return found


def _check_version(request: Request) -> None:
    asked = VERSIONED.search(request.headers.get("accept", ""))
    if asked and asked[1] != VERSION:
        raise HTTPException(406, f"Version {asked[1][:20]} of the API is not known, {VERSION} is.")


async def caller_of(request: Request, known: Services, project: str | None) -> Caller:
    """Return who asks.

    Raises:
        HopyardError: nobody who may.
        HTTPException: a version of the API that is not known (406).
    """
    _check_version(request)
    caller = await known.access.caller(request, project)
    # Most requests are polls without a query, of which there is nothing to take apart.
    query = request.query_params if request.scope["query_string"] else {}
    if query.get("doAs", caller.user) != caller.user:
        raise NotAllowed("doAs is not allowed here: everybody acts as themselves.")
    if (
        known.settings.livy.csrf_protection
        and request.method not in SAFE_METHODS
        and "x-requested-by" not in request.headers
    ):
        raise NotAllowed("Missing Required Header for CSRF protection.")
    return caller


# Asynchronous, all of these: FastAPI runs what is not in a thread, which costs more than the rest.
async def _known(request: HTTPConnection) -> Services:
    return services(request)


Known = Annotated[Services, Depends(_known)]


async def _caller(request: Request, known: Known) -> Caller:
    return await caller_of(request, known, request.path_params.get("project"))


Asking = Annotated[Caller, Depends(_caller)]


async def _session(session: str, known: Known, caller: Asking) -> Session:
    return known.sessions.get(caller, session)


Mine = Annotated[Session, Depends(_session)]
"""The session of the path, which is the caller's."""


def wait_of(known: Services, asked: float | None) -> float:
    """Return how long a GET is held for news, in seconds."""
    return known.settings.livy.hold if asked is None else asked


async def _wait(
    known: Known,
    wait: Annotated[
        float | None,
        Query(ge=0, le=60, description="Seconds that the answer is held for news (ours)."),
    ] = None,
) -> float:
    return wait_of(known, wait)


async def _key(
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=f"^{KEY}$",
            description="A new word for each POST: sent again with the same, it makes nothing "
            "twice, and the answer is of what was made (ours).",
        ),
    ] = None,
) -> str | None:
    return key_of(idempotency_key) if idempotency_key else None


def key_of(header: str) -> str:
    """Return what a well-formed `Idempotency-Key` says."""
    return header.strip('"')


Key = Annotated[str | None, Depends(_key)]
"""What the client calls this request."""


def place_of(request: Request) -> str:
    """Return a request's path as it goes into a header."""
    return quote(request.url.path.rstrip("/"), safe="/")


def as_id(text: str) -> int:
    """Return an id in a path, or -1, which nothing has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else -1


def number(text: str) -> int:
    """Return the number of a statement or a job in a path.

    Raises:
        InvalidInput: it is none.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise InvalidInput(f'For input string: "{text[:100]}"')
    return int(text)


Wait = Annotated[float, Depends(_wait)]
Body = TypeVar("Body", bound=RequestBody)


async def read(request: Request, model: type[Body]) -> Body:
    """Read and check a request's body, up to the size that is allowed.

    Raises:
        InvalidInput: it is not of the form of the model.
        HTTPException: it is too large (413).
    """
    limit = services(request).settings.livy.request_limit
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise HTTPException(413, f"The body of a request may have {limit} bytes.")
    if not body.strip():
        raise InvalidInput("No content to map due to end-of-input")
    return parse(model, bytes(body))


def described(model: type[RequestBody]) -> dict[str, Any]:
    """Return what OpenAPI shows of a body that `read` takes."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions = schema.pop("$defs", {})
    for inner in schema.get("properties", {}).values():
        _inline(inner, definitions)
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def _inline(schema: dict[str, Any], definitions: dict[str, Any]) -> None:
    for part in (schema, *schema.get("anyOf", ())):
        reference = part.pop("$ref", None)
        if reference:
            part.update(definitions[reference.rsplit("/", 1)[-1]])
