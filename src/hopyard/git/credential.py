"""Git's credential helper: answers once, for one host and path, from a pipe that it inherits.

Git runs this file; it gets the number of the pipe's end as its first argument, and the question on
standard input (gitcredentials(7)). Anything else than the expected question is told to stop: Git
must never fall back to a prompt. Standard library only: it starts in milliseconds.
"""

import json
import os
import sys


def main() -> None:
    """Answer."""
    if sys.argv[-1] != "get":  # `store` and `erase`: there is nothing to keep
        return
    asked = dict(line.split("=", 1) for line in sys.stdin.read().splitlines() if "=" in line)
    try:
        with os.fdopen(int(sys.argv[1]), "rb") as pipe:
            known = json.loads(pipe.read() or b"null")
    except OSError:
        known = None
    wanted = ("protocol", "host", "path")
    if not known or any(asked.get(w, "").strip("/") != known[w].strip("/") for w in wanted):
        print("quit=1")
        return
    print(f"username={known['username']}\npassword={known['password']}")


if __name__ == "__main__":
    main()
