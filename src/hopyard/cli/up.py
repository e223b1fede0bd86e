"""`hopyard up`: the platform on one machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from hopyard.cli import addresses, frame, listening, machine
from hopyard.cli.listening import Sockets
from hopyard.cli.supervisor import Child, Supervisor
from hopyard.errors import HopyardError, SetupError
from hopyard.settings import CONFIG_VARIABLE, PREFIX, Platform, Settings

PASSWORD_VARIABLE = f"{PREFIX}ADMIN_PASSWORD"
READY = "Hopyard is ready."
# Livy ends its sessions first, while the Hub still knows whose they are.
STOP_ORDER = (["livy"], ["hub", "web"], ["proxy"])

Prepare = Callable[[Settings, Platform], Awaitable[list[str]]]


@dataclass
class Front:
    """The addresses at which the platform's processes are asked whether they answer."""

    platform: Platform
    http: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(timeout=10, trust_env=False)
    )

    async def answers(self, url: str, token: str = "") -> bool:
        """Say whether a process answers with anything but an error of its own."""
        try:
            response = await self._get(url, token)
        except httpx.HTTPError:
            return False
        return response.status_code < 500

    async def speaks(self, url: str, token: str = "") -> bool:
        """Say whether a process answers at all, an error of its own included."""
        try:
            await self._get(url, token)
        except httpx.HTTPError:
            return False
        return True

    async def _get(self, url: str, token: str) -> httpx.Response:
        headers = {"Authorization": f"token {token}"} if token else {}
        return await self.http.get(url, headers=headers)

    async def hub(self, method: str, path: str, json: object = None) -> httpx.Response:
        """Ask the Hub as the command line."""
        return await self.http.request(
            method,
            self.platform.hub_api_url + path,
            json=json,
            headers={"Authorization": f"token {self.platform.cli_token.get_secret_value()}"},
        )

    async def refill_proxy(self) -> None:
        """Let the Hub tell a new proxy its routes."""
        with contextlib.suppress(httpx.HTTPError):  # a Hub that comes up does this by itself
            await self.hub("POST", "proxy")


def run(settings: Settings, prepare: Prepare | None = None) -> None:
    """Start the platform, say where it is, and keep it running.

    Args:
        settings: what the person decided.
        prepare: is awaited once all processes are ready; returns more lines to print.

    Raises:
        SetupError: the machine or a setting does not allow to start.
    """
    settings.data_dir = settings.data_dir.expanduser().absolute()
    check_password(settings)
    machine.check_data_dir(settings.data_dir)
    held = frame.lock(settings)
    machine.check(settings)
    try:
        platform, sockets = listening.open_all(settings)
        try:
            asyncio.run(_run(settings, platform, sockets, prepare))
        finally:
            sockets.close()
    finally:
        os.close(held)


def check_password(settings: Settings) -> None:
    """Check the first administrator's password before the Hub takes it."""
    from hopyard.hub.passwords import fault

    if settings.admin_password and (said := fault(settings.admin_password.get_secret_value())):
        raise SetupError(f"{PASSWORD_VARIABLE} is not good enough: {said}")


async def _run(
    settings: Settings, platform: Platform, sockets: Sockets, prepare: Prepare | None
) -> None:
    stopped = asyncio.Event()
    supervisor = Supervisor(_say)
    _on_signals(stopped, supervisor)
    asyncio.get_running_loop().add_reader(sockets.keeper, sockets.keeper.read)
    front = Front(platform)
    proxy, hub, web, livy = make_children(settings, front, sockets)
    work = asyncio.create_task(_start(settings, front, supervisor, [proxy, hub, web, livy]))
    try:
        if not await _unless(stopped, work):
            return
        more = await prepare(settings, platform) if prepare else []
        print("\n".join(await _block(settings, front, more)), flush=True)
        await stopped.wait()
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, HopyardError):
            await work
        _say("Stopping …")
        await supervisor.stop(*STOP_ORDER)
        await front.http.aclose()
        _say("Stopped.")


def _say(line: str) -> None:
    """Print a line, if it can be: where it goes to a file, the disk may be full."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


async def _unless(stopped: asyncio.Event, work: asyncio.Task[None]) -> bool:
    """Wait for the start; return False when it was stopped before.

    Raises:
        SetupError: it failed.
    """
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait([work, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not work.done():
        return False
    await work
    return True


async def _start(
    settings: Settings, front: Front, supervisor: Supervisor, children: list[Child]
) -> None:
    print(f"Starting Hopyard with the data in {settings.data_dir}", flush=True)
    proxy, hub, web, livy = children
    first = asyncio.create_task(supervisor.start(proxy, hub))
    try:
        await command(settings, "migrate")
        await supervisor.start(web, livy)
    finally:
        await first


async def command(settings: Settings, *words: str) -> str:
    """Run one of our own commands in a process of its own, which keeps this one small."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hopyard.cli", *words),
        env=environment(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode:
        lines = err.decode(errors="replace").strip().splitlines()
        raise SetupError(f"{words[0]} failed: {lines[-1] if lines else 'no reason given'}")
    return out.decode()


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of the platform's processes, which read the settings from it."""
    env = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
    env[f"{PREFIX}DATA_DIR"] = str(settings.data_dir)
    if CONFIG_VARIABLE in env:
        env[CONFIG_VARIABLE] = os.path.abspath(env[CONFIG_VARIABLE])  # noqa: PTH100
    return env


def make_children(
    settings: Settings, front: Front, sockets: Sockets
) -> tuple[Child, Child, Child, Child]:
    """Return the platform's processes: proxy, hub, web, livy."""
    platform = front.platform
    logs = settings.logs_dir / "platform"
    env = environment(settings)
    ours = [sys.executable, "-m", "hopyard.cli"]
    proxy_token = platform.proxy_token.get_secret_value()
    api = httpx.URL(platform.proxy_api_url)
    proxy = Child(
        "proxy",
        [
            *machine.proxy_command(),
            *("--ip", settings.host, "--port", str(settings.port)),
            *("--api-ip", api.host, "--api-port", str(api.port)),
            *("--error-target", platform.hub_url + "hub/error"),
            *_host_routing(platform),
            *("--log-level", "warn"),
        ],
        logs / "proxy.log",
        lambda: front.answers(platform.proxy_api_url + "api/routes", proxy_token),
        lambda: front.speaks(platform.proxy_api_url + "api/routes", proxy_token),
        sockets=sockets.proxy,
        env={**env, "CONFIGPROXY_AUTH_TOKEN": proxy_token},
        again=front.refill_proxy,
    )
    hub_env = dict(env)
    if settings.admin_password:
        hub_env[PASSWORD_VARIABLE] = settings.admin_password.get_secret_value()
    config = os.path.join(os.path.dirname(__file__), "..", "hub", "jupyterhub_config.py")  # noqa: PTH118, PTH120
    hub = Child(
        "hub",
        [sys.executable, "-m", "hopyard.hub", "--config", os.path.normpath(config)],
        logs / "hub.log",
        lambda: front.answers(platform.hub_api_url),
        lambda: front.speaks(platform.hub_api_url),
        sockets=sockets.hub,
        keeper=sockets.keeper,
        env=hub_env,
        stop_seconds=30,
    )
    web = Child(
        "web",
        [*ours, "web"],
        logs / "web.log",
        lambda: front.answers(platform.web_url + "api/openapi.json"),
        lambda: front.speaks(platform.web_url),
        sockets=sockets.web,
        env=env,
    )
    livy = Child(
        "livy",
        [*ours, "livy", "--platform"],
        logs / "livy.log",
        lambda: front.answers(platform.livy_url + "livy/ping"),
        lambda: front.speaks(platform.livy_url + "livy/ping"),
        sockets=sockets.livy,
        env=env,
        stop_signal=signal.SIGINT,
        stop_seconds=30,
    )
    children = proxy, hub, web, livy
    for child in children:
        child.log_most = settings.limits.log * 2**20
    return children


def _host_routing(platform: Platform) -> list[str]:
    """Return the proxy's arguments for routes by host: what no route is for goes to web."""
    return ["--host-routing", "--default-target", platform.web_url] if platform.hosts else []


def _on_signals(stopped: asyncio.Event, supervisor: Supervisor) -> None:
    def stop() -> None:
        if stopped.is_set():
            supervisor.kill()
        stopped.set()

    loop = asyncio.get_running_loop()
    heard = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # that would be `nohup`
        heard.append(signal.SIGHUP)
    for one in heard:
        loop.add_signal_handler(one, stop)


async def _block(settings: Settings, front: Front, more: list[str]) -> list[str]:
    """Return what a person needs to know, in one block."""
    url = front.platform.public_url
    native = settings.authenticator == "native"
    answer = (await front.hub("POST", "hopyard/first-sign-in")).json() if native else {}
    if not native:
        how = [f"with an account of the authenticator {settings.authenticator!r}"]
    elif answer["token"]:
        how = [
            f"make the account of the administrator {answer['admin']!r} with this link,",
            "             which works once:",
            f"             {url}hub/welcome#{answer['token']}",
        ]
    else:
        how = [f"as {answer['admin']!r}, or with any other account"]
    return [
        "",
        READY,
        f"  Address    {url}",
        f"  Sign in    {how[0]}",
        *how[1:],
        *addresses.said_of(front.platform),
        *more,
        *machine.warnings(settings),
        f"  Data       {settings.data_dir}",
        f"  Logs       {settings.logs_dir}",
        "  Stop       Ctrl-C",
        "",
    ]
