"""Where home is: a server that was started again may have another address than before."""

from __future__ import annotations

import os
from pathlib import Path

from hopyard.protocol.messages import RoomConfig

VARIABLE = "HOPYARD_DRIVER_HOME"
"""Names the file that the server writes at each of its starts."""


def url_of(config: RoomConfig) -> str:
    """Return where home is now for a session: what the server wrote down last, if it can.

    Without that (a launcher that reaches no driver's files) it is where it was at the start.
    """
    try:
        home = Path(os.environ[VARIABLE]).read_text().strip()
    except (KeyError, OSError, UnicodeDecodeError):
        return config.url
    return f"{home}{config.session}" if home else config.url
