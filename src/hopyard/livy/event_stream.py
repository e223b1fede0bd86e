"""Server-sent events as an answer."""

from __future__ import annotations

import asyncio

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class EventStream(StreamingResponse):
    """Sends events until there are no more, or the client is gone.

    Starlette's own does so in a group of tasks, which takes longer than a short statement.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it."""
        serving = asyncio.current_task()
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))

        def left(_: asyncio.Task[None]) -> None:
            if serving is not None:
                serving.cancel()

        leaving.add_done_callback(left)
        try:
            await self.stream_response(send)
        except asyncio.CancelledError:
            if not leaving.done():
                raise
        finally:
            leaving.remove_done_callback(left)
            leaving.cancel()
