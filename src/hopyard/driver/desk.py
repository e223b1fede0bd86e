"""Where the interpreters of a driver ask for secrets: a socket in the driver's private folder.

The agent knows the one-session secret with which home answers; the interpreters, in which anybody's
code runs, do not. What was read is masked from then on in all that the driver says.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from hopyard.driver.whereabouts import url_of
from hopyard.mask import Mask
from hopyard.protocol.messages import RoomConfig
from hopyard.protocol.names import is_name

PATIENCE = 30.0
LINE_MOST = 10_000


class Desk:
    """Answers lines of JSON: `{"secret": NAME, "owner": NAME or null}`.

    Args:
        config: says where home is: that of any session of the driver, all are of one user in one
            project.
        place: the socket's path.
        mask: told what was read.
    """

    def __init__(self, config: Callable[[], RoomConfig], place: Path, mask: Mask) -> None:
        self._config = config
        self._place = place
        self._mask = mask

    async def run(self) -> None:
        """Answer, until cancelled."""
        server = await asyncio.start_unix_server(self._serve, self._place, limit=LINE_MOST)
        async with server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            try:
                asked = json.loads(await reader.readline())
                answer = await asyncio.to_thread(
                    self._ask, str(asked["secret"]), asked.get("owner")
                )
            except (ValueError, KeyError, TypeError):
                answer = {"fault": "A line of JSON with `secret` is expected."}
            except (OSError, http.client.HTTPException) as error:
                answer = {"fault": f"Secrets cannot be read now ({type(error).__name__})."}
            if "value" in answer:
                self._mask.add(answer["value"])
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()

    def _ask(self, name: str, owner: str | None) -> dict[str, Any]:
        if not is_name(name):
            return {"fault": f"There is no secret {name[:100]!r}."}
        config = self._config()
        home = urlsplit(url_of(config))
        kind = http.client.HTTPSConnection if home.scheme == "wss" else http.client.HTTPConnection
        path = f"{home.path}/secrets/{quote(name, safe='')}"
        if owner:
            path += "?" + urlencode({"owner": owner})
        with closing(kind(home.hostname or "", home.port, timeout=PATIENCE)) as connection:
            headers = {"Authorization": f"Bearer {config.secret}"}
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            content = json.loads(response.read())
        if response.status == 200:
            return {"value": str(content["value"])}
        return {"fault": str(content.get("msg", response.status))}
