"""`python -m hopyard.driver.child AGENT COMMAND…`: becomes a program that ends with its agent.

For programs that cannot ask for that themselves. A function between fork and exec could, but the
agent has threads by then.
"""

from __future__ import annotations

import os
import signal
import sys

from hopyard.driver.process import die_with_parent


def main() -> None:
    """Become the command, unless the agent died already."""
    die_with_parent(signal.SIGKILL)
    if os.getppid() == int(sys.argv[1]):
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
