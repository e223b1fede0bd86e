"""`python -m hopyard.notebook.git.helper SOCKET get`: Git's credential helper.

It asks the Jupyter server, which alone knows how to get the key. Where there is none it tells Git
to quit, so that nobody is asked for a password. Protocol:
https://git-scm.com/docs/git-credential#IOFMT. Standard library only: it starts with each transfer.
"""

from __future__ import annotations

import json
import socket
import sys

PATIENCE = 60.0
ASKED = ("protocol", "host", "path")


def main() -> None:
    """Answer Git on standard output; `store` and `erase` find nothing to do."""
    place, operation = sys.argv[1:3]
    if operation != "get":
        return
    lines = (line.rstrip("\n").partition("=") for line in sys.stdin)
    asked = {name: value for name, _, value in lines if name in ASKED}
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(place)
            connection.sendall(json.dumps(asked).encode() + b"\n")
            answer = json.loads(connection.makefile("rb").readline())
    except (OSError, ValueError) as error:
        answer = {"fault": f"The Jupyter server does not answer ({type(error).__name__})."}
    if "fault" in answer:
        print(f"hopyard: {answer['fault']}", file=sys.stderr)
        print("quit=1")
    elif "password" in answer:
        print(f"username={answer['username']}\npassword={answer['password']}")


if __name__ == "__main__":
    main()
