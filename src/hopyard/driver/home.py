"""The connection home: dial, shake hands, replay, dial again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import time
from collections.abc import Callable

from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from hopyard.driver.outbox import Outbox
from hopyard.driver.whereabouts import url_of
from hopyard.protocol.messages import (
    DOWN,
    GONE,
    REFUSED,
    REPLACED,
    SERVER,
    UNAUTHORISED,
    Ack,
    DownMessage,
    Failed,
    Hello,
    RoomConfig,
    Welcome,
)

log = logging.getLogger("hopyard.driver")

FINAL = {
    UNAUTHORISED: "the server does not accept this driver's secret",
    GONE: "the session is over",
    REPLACED: "another driver serves the session",
}
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
HANDSHAKE = 10.0
PING, PONG = 5.0, 10.0
"""Seconds between two questions whether home is still there, and to the answer."""


GOODBYE = 10.0
"""Seconds in which the reason of a driver that could not start must be told."""


async def give_up(config: RoomConfig, reason: str) -> None:
    """Dial home only to say why this driver cannot start."""
    outbox = Outbox()
    outbox.put(Failed(reason=reason))
    home = asyncio.create_task(Home(config, outbox, lambda _: None, list).run())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE):
            await outbox.drained()
    home.cancel()


class Home:
    """Keeps one WebSocket to the Livy server.

    Args:
        config: where home is and with which secret.
        outbox: what is to be sent.
        handle: takes each message but the handshake's and acknowledgements; must not block.
        unfinished: says which statements run or wait here.
    """

    def __init__(
        self,
        config: RoomConfig,
        outbox: Outbox,
        handle: Callable[[DownMessage], None],
        unfinished: Callable[[], list[int]],
    ) -> None:
        self._config = config
        self._outbox = outbox
        self._handle = handle
        self._unfinished = unfinished
        self._heard = time.monotonic()
        """When home was last there."""

    async def run(self) -> str:
        """Stay connected; return why there is no home any more."""
        delay = FIRST_DELAY
        while True:
            before = self._heard
            try:
                await self._visit()
            except ConnectionClosed as error:
                if error.rcvd is not None and error.rcvd.code in FINAL:
                    return FINAL[error.rcvd.code]
                log.info("lost the connection home: %s", error)
            except InvalidStatus as error:
                code = error.response.headers.get(REFUSED, "")
                if why := FINAL.get(int(code) if code.isdecimal() else 0):
                    return why
                log.info("home does not answer: %s", error)
            except (OSError, TimeoutError, InvalidHandshake, InvalidMessage) as error:
                log.info("home does not answer: %s", error)
            except Exception:  # whatever it is: without a line home the session is lost
                log.exception("the connection home failed")
            if self._heard != before:
                delay = FIRST_DELAY
            left = self._config.orphan_timeout - (time.monotonic() - self._heard)
            if left <= 0:
                return f"home did not answer for {self._config.orphan_timeout:.0f} seconds"
            await asyncio.sleep(min(delay * random.uniform(0.7, 1.3), left))  # noqa: S311
            delay = min(delay * 2, LONGEST_DELAY)

    async def _visit(self) -> None:
        """One connection, from dialling to its end."""
        headers = {"Authorization": f"Bearer {self._config.secret}"}
        if self._config.server:
            headers[SERVER] = self._config.server
        patience = max(0.1, min(HANDSHAKE, self._config.orphan_timeout))
        async with connect(
            url_of(self._config),
            additional_headers=headers,
            open_timeout=patience,
            close_timeout=1,
            ping_interval=PING,
            ping_timeout=PONG,
            max_size=None,
            compression=None,
            proxy=None,
        ) as socket:
            hello = Hello(
                pid=os.getpid(),
                last_seq=self._outbox.last_seq,
                unfinished=self._unfinished(),
                secrets=self._outbox.mask.known,
            )
            await socket.send(hello.model_dump_json())
            async with asyncio.timeout(patience):
                welcome = DOWN.validate_json(await socket.recv())
            if not isinstance(welcome, Welcome):
                raise InvalidMessage(f"expected welcome, got {welcome.type}")
            self._outbox.acknowledge(welcome.acked)
            self._outbox.rewind()
            self._heard = time.monotonic()
            sender = asyncio.create_task(self._send(socket))
            try:
                async for frame in socket:
                    self._receive(frame)
                # `async for` ends in silence after a normal close: let run() see its code.
                await socket.recv()
            finally:
                sender.cancel()
                self._heard = time.monotonic()

    async def _send(self, socket: ClientConnection) -> None:
        try:
            while True:
                await socket.send(await self._outbox.next())
        except ConnectionClosed:
            pass  # the receiving side sees it too, and says so

    def _receive(self, frame: str | bytes) -> None:
        try:
            message = DOWN.validate_json(frame)
        except ValidationError as error:
            # Not what was sent: it may hold the secret of a session.
            faults = error.errors(include_input=False, include_url=False, include_context=False)
            log.warning("a message that this driver does not understand: %s", faults)
            return
        if isinstance(message, Ack):
            self._outbox.acknowledge(message.seq)
            return
        try:
            self._handle(message)
        except Exception:  # whatever it is: the next message is taken too
            log.exception("a message from home (%s) cannot be followed", message.type)
