"""Copy the few files that the pages use from `node_modules` to where web serves them.

Run after `npm ci`: `python frontend/vendor.py`. Needs nothing but the standard library.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "src" / "hopyard" / "web" / "static" / "vendor"
FILES = {
    "bootstrap/dist/css/bootstrap.min.css": "bootstrap.min.css",
    "bootstrap/dist/js/bootstrap.bundle.min.js": "bootstrap.bundle.min.js",
    "bootstrap-icons/font/bootstrap-icons.min.css": "bootstrap-icons.min.css",
    "bootstrap-icons/font/fonts/bootstrap-icons.woff2": "fonts/bootstrap-icons.woff2",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx-ext-sse/sse.js": "sse.js",
}


def main() -> int:
    """Copy the files; say which is missing."""
    for source, name in FILES.items():
        origin = HERE / "node_modules" / source
        if not origin.is_file():
            print(f"{origin} is missing: run `npm ci` in {HERE} first.", file=sys.stderr)
            return 1
        target = TARGET / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, target)
    print(f"{len(FILES)} files are in {TARGET}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
