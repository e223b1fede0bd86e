"""Web as it runs, over HTTP, with stand-ins for the Hub and livy that speak HTTP too."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from hopyard.projects.accounts.service import Accounts
from hopyard.projects.jupyter.service import Jupyter
from hopyard.projects.members.service import Projects
from hopyard.settings import Platform, Settings

PEOPLE = ("root", "ada", "bob", "eve")
"""root: administrator; ada: data owner; bob: data scientist; eve: no member."""


@dataclass
class Outside:
    """What the Hub and livy know; tests change it."""

    servers: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    refusal: str = ""
    silent: float = 0.0
    """Seconds that livy does not answer for."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and token of each change that was asked of the Hub."""
    sessions: dict[int, str] = field(default_factory=dict)
    """Owner of each Spark session."""
    seen: dict[str, str] = field(default_factory=dict)
    """Headers of the last request to a Spark UI."""
    web_url: str = ""


@dataclass
class Web:
    """A running web process and what is around it."""

    url: str
    settings: Settings
    platform: Platform
    outside: Outside
    projects: Projects
    jupyter: Jupyter
    accounts: Accounts

    def api(self, token: str | None) -> httpx.AsyncClient:
        """Return a client of the API with a token: `t-NAME`, or `s-NAME-PROJECT` of a server."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False)

    @asynccontextmanager
    async def browser(self, name: str | None) -> AsyncIterator[httpx.AsyncClient]:
        """A browser, signed in unless `name` is None, that sends what our pages send."""
        origin = {"Origin": self.url.rstrip("/")}
        async with httpx.AsyncClient(base_url=self.url, headers=origin, trust_env=False) as client:
            if name:
                start = await client.get("/projects/login")
                state = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
                back = await client.get(f"/projects/oauth_callback?code={name}&state={state}")
                assert back.status_code == 303, back.text
                page = (await client.get("/projects/")).text
                client.headers["X-CSRF-Token"] = page.split('"X-CSRF-Token": "')[1].split('"')[0]
            yield client


def hub_routes(outside: Outside) -> list[Route]:
    def token_of(request: Request) -> str:
        return request.headers["authorization"].split()[1]

    async def whoami(request: Request) -> Response:
        kind, _, rest = token_of(request).partition("-")
        name, _, project = rest.partition("-")
        if token_of(request) in outside.revoked or kind not in "rst" or name not in PEOPLE:
            return JSONResponse({"message": "no"}, 403)
        scopes = ["read:users:name!user"]  # a token that was made for less, `r-NAME`
        if kind == "s":
            scopes.append(f"access:servers!server={name}/{project}")
        if kind == "t":
            scopes += ["access:servers!user", "access:services!service=web"]
        model = {"kind": "user", "name": name, "admin": name == "root", "scopes": scopes}
        return JSONResponse(model)

    async def user(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in PEOPLE:
            return JSONResponse({"message": "no"}, 404)
        servers = {p: s for (n, p), s in outside.servers.items() if n == name}
        return JSONResponse({"name": name, "servers": servers})

    async def server(request: Request) -> Response:
        name, project = request.path_params["name"], request.path_params["project"]
        outside.asked.append((request.method, f"{name}/{project}", token_of(request)))
        if outside.refusal:
            return JSONResponse({"message": outside.refusal}, 500)
        if request.method == "DELETE":
            outside.servers.pop((name, project), None)
            return Response(status_code=204)
        outside.servers[name, project] = {
            "ready": True,
            "pending": None,
            "url": f"/user/{name}/{project}/",
            "started": "now",
        }
        return Response(status_code=201)

    async def exchange(request: Request) -> Response:
        form = await request.form()
        if form["client_secret"] != "web" or form["code"] not in PEOPLE:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": f"t-{form['code']}"})

    async def everything(request: Request) -> Response:
        return JSONResponse([])  # the list of users, or the version

    api = "/hub/api/users/{name}"
    return [
        Route("/hub/api/", everything),
        Route("/hub/api/users/", everything),
        Route("/hub/api/user", whoami),
        Route("/hub/api/oauth2/token", exchange, methods=["POST"]),
        Route(api, user),
        Route(api + "/servers/{project}", server, methods=["POST", "DELETE"]),
    ]


def livy_routes(outside: Outside) -> list[Route]:
    async def owner(request: Request) -> str | None:
        """Ask web's access door, as livy does."""
        project = request.path_params["project"]
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(
                f"{outside.web_url}api/v1/projects/{project}/access",
                headers={"Authorization": request.headers["authorization"]},
            )
        return str(answer.json()["user"]) if answer.status_code == 200 else None

    async def sessions(request: Request) -> Response:
        await asyncio.sleep(outside.silent)
        name = await owner(request)
        if name is None:
            return JSONResponse({"msg": "no"}, 404)
        mine = [
            {"id": n, "kind": "pyspark", "appId": f"local-{n}", "name": None, "state": "idle"}
            for n, whose in outside.sessions.items()
            if whose == name
        ]
        return JSONResponse({"from": 0, "total": len(mine), "sessions": mine})

    async def session(request: Request) -> Response:
        number = int(request.path_params["n"])
        if outside.sessions.get(number) != await owner(request):
            return JSONResponse({"msg": f"Session '{number}' not found."}, 404)
        del outside.sessions[number]
        return JSONResponse({"msg": "deleted"})

    async def ui(request: Request) -> Response:
        number = int(request.path_params["n"])
        if outside.sessions.get(number, "-") != await owner(request):
            return JSONResponse({"msg": f"Session '{number}' not found."}, 404)
        outside.seen = dict(request.headers)
        body = (await request.body()).decode()
        text = f"{request.method} {request.path_params['path']} {request.url.query} {body}"
        return PlainTextResponse(text, headers={"Set-Cookie": "a=b", "X-Spark": "yes"})

    async def text(request: Request) -> Response:
        number = int(request.path_params["n"])
        if outside.sessions.get(number, "-") != await owner(request):
            return JSONResponse({"msg": f"Session '{number}' not found."}, 404)
        return PlainTextResponse("<b>line</b>\n" * 3)

    async def statements(request: Request) -> Response:
        outside.seen = {"ran": "code"}
        return JSONResponse({}, 201)

    base = "/livy/projects/{project}/sessions"
    return [
        Route(base + "/{n}/statements", statements, methods=["POST"]),
        Route(base, sessions),
        Route(base + "/{n}", session, methods=["DELETE"]),
        Route(base + "/{n}/ui/{path:path}", ui, methods=["GET", "POST"]),
        Route(base + "/{n}/statements/{statement}/text", text),
    ]


@contextmanager
def serve(app: Any) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # who comes before the server runs waits
        config = uvicorn.Config(
            app,
            log_config=None,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=75,  # not when a client's connection gets as old, and is used again
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join(20)
