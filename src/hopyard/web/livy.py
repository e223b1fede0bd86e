"""A client of our Livy server: what the pages ask of it, in the name of a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from hopyard.errors import Conflict, NotFound, Unavailable
from hopyard.protocol.names import rest
from hopyard.protocol.states import BatchState, SessionState
from hopyard.settings import Platform
from hopyard.web.sizes import Size, Sizes

# Headers of one connection, not of the message (RFC 9110, 7.6.1), and what is web's alone.
HOP_BY_HOP = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
# Where the request began was checked here already; livy is asked by web, not by a browser.
_NOT_FORWARDED = HOP_BY_HOP | {
    "authorization",
    "content-length",
    "cookie",
    "host",
    "origin",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
}
PATIENCE = 15.0
PART_SECONDS = 3.0
"""For a part of a page: the page is shown without it, and says why."""
_NOT_RETURNED = HOP_BY_HOP | {"set-cookie", "strict-transport-security"}


@dataclass(frozen=True)
class Application:
    """A running Spark application."""

    id: int
    kind: str
    app_id: str | None
    name: str | None
    state: str
    memory: str
    cores: str
    started: str | None
    log: str
    """Which log is its driver's (`session-ID`): the first session's where several share one."""


class LivyClient:
    """Asks the Livy server with the token of the one who asks us."""

    def __init__(self, platform: Platform) -> None:
        self._base = platform.livy_project_url
        self._http = httpx.AsyncClient(timeout=PATIENCE, trust_env=False)
        self._sizes = Sizes()

    async def close(self) -> None:
        """Close the connections."""
        await self._sizes.close()
        await self._http.aclose()

    async def applications(
        self, project: str, token: str, seconds: float = PATIENCE
    ) -> list[Application]:
        """Return the running Spark applications of the one whose token it is.

        Args:
            project: of which project.
            token: whose.
            seconds: how long the answer may take.

        Raises:
            Unavailable: the Livy server does not answer.
        """
        response = await self._request(
            "GET", project, "sessions?from=0&size=200", token, seconds=seconds
        )
        sessions = response.json().get("sessions", [])
        running = [one for one in sessions if not SessionState(one["state"]).over]
        base = f"{self._base(project)}/sessions"
        sizes = await asyncio.gather(
            *(self._sizes.of(one, self._http, f"{base}/{one['id']}", token) for one in running)
        )
        return [_application(one, size) for one, size in zip(running, sizes, strict=True)]

    async def stop(self, project: str, session: int, token: str) -> None:
        """End a session.

        Raises:
            NotFound: there is none of this number that is the caller's.
        """
        await self._request("DELETE", project, f"sessions/{session}", token)

    async def end_batches(self, project: str, token: str) -> None:
        """Kill the running batches of the one whose token it is.

        Raises:
            Unavailable: the Livy server does not answer.
        """
        for batch in await self._running_batches(project, token):
            await self._request("DELETE", project, f"batches/{batch}", token)

    async def running_batches(self, project: str, token: str) -> set[str]:
        """Return which logs are those of running batches (`batch-ID`).

        Raises:
            Unavailable: the Livy server does not answer.
        """
        return {f"batch-{batch}" for batch in await self._running_batches(project, token)}

    async def _running_batches(self, project: str, token: str) -> list[int]:
        response = await self._request("GET", project, "batches?from=0&size=1000", token)
        batches = response.json().get("sessions", [])
        return [one["id"] for one in batches if not BatchState(one["state"]).over]

    async def open_ui(
        self,
        project: str,
        application: str,
        path: str,
        token: str,
        *,
        method: str,
        query: str,
        headers: list[tuple[str, str]],
        body: AsyncIterator[bytes] | None,
    ) -> httpx.Response:
        """Send a request to a Spark UI; the answer's body is still to be streamed.

        Args:
            project: the project of the application.
            application: `sessions/ID` or `batches/ID`.
            path: the path in the UI as it was sent, nothing decoded.
            token: whose application it is.
            method: the request's method, as the rest of it below.
            query: without the question mark.
            headers: those that may not be passed on are left out.
            body: None where there is none.

        Raises:
            InvalidInput: the path leads out of the UI.
            Unavailable: the Livy server does not answer.
        """
        url = httpx.URL(f"{self._base(project)}/{application}/ui/{rest(path)}").copy_with(
            query=query.encode() or None
        )
        kept = [(k, v) for k, v in headers if k.lower() not in _NOT_FORWARDED]
        request = self._http.build_request(
            method, url, headers=[*kept, ("Authorization", f"Bearer {token}")], content=body
        )
        try:
            return await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _silent(error) from None

    async def open_text(
        self, project: str, session: int, statement: int, token: str
    ) -> httpx.Response:
        """Ask for all that a statement printed; the answer's body is still to be streamed.

        Raises:
            NotFound: there is none of this number that is the caller's.
            Unavailable: the Livy server does not answer.
        """
        url = f"{self._base(project)}/sessions/{session}/statements/{statement}/text"
        headers = {"Authorization": f"Bearer {token}"}
        request = self._http.build_request("GET", url, headers=headers)
        try:
            answer = await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _silent(error) from None
        if answer.status_code == 200:
            return answer
        await answer.aclose()
        if answer.status_code == 404:
            raise NotFound("This output is not there (any more), or is not yours.")
        raise Unavailable(f"The Livy server answered {answer.status_code}.")

    async def _request(
        self, method: str, project: str, path: str, token: str, seconds: float = PATIENCE
    ) -> httpx.Response:
        try:
            async with asyncio.timeout(seconds):  # httpx counts each step of a request for itself
                response = await self._http.request(
                    method,
                    f"{self._base(project)}/{path}",
                    headers={"Authorization": f"Bearer {token}", "X-Requested-By": "hopyard"},
                )
        except TimeoutError:
            raise Unavailable(f"The Livy server did not answer within {seconds:g} s.") from None
        except httpx.HTTPError as error:
            raise _silent(error) from None
        if response.status_code in (200, 201, 204):
            return response
        message = _message(response)
        if response.status_code == 404:
            raise NotFound(message)
        if response.status_code in (400, 409):
            raise Conflict(message)
        raise Unavailable(f"The Livy server answered {response.status_code}: {message}")


def returned_headers(response: httpx.Response) -> list[tuple[bytes, bytes]]:
    """Return the headers of a streamed answer that go on to the browser."""
    return [
        (name, value)
        for name, value in response.headers.raw
        if name.lower().decode("latin-1") not in _NOT_RETURNED
    ]


def _silent(error: httpx.HTTPError) -> Unavailable:
    return Unavailable(f"The Livy server does not answer ({type(error).__name__}).")


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["msg"])
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase


def _application(model: dict[str, Any], size: Size) -> Application:
    started = model.get("createdAt")
    return Application(
        id=model["id"],
        kind=model.get("kind") or "shared",
        app_id=model.get("appId"),
        name=model.get("name"),
        state=model["state"],
        memory=size.memory,
        cores=size.cores,
        started=f"{datetime.fromisoformat(started):%Y-%m-%d %H:%M} UTC" if started else None,
        log=_log_source(model) or f"session-{model['id']}",
    )


def _log_source(model: dict[str, Any]) -> str | None:
    address = (model.get("appInfo") or {}).get("driverLogUrl") or ""
    return dict(parse_qsl(urlsplit(address).query)).get("source")
