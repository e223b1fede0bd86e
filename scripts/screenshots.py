"""Copy the pictures that README and docs show from what the browser tests took.

`make screenshots` runs the tests first; a picture is made smaller where it is over 200 KB.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TAKEN = ROOT / "test-results" / "screenshots"
SHOWN = ROOT / "docs" / "images"
NAMES = ("jupyter-page", "jupyterlab", "spark-ui", "logs")
MOST_BYTES = 200_000


def main() -> int:
    """Copy them; return 1 where one was not taken."""
    missing = [name for name in NAMES if not (TAKEN / f"{name}.png").exists()]
    for name in set(NAMES) - set(missing):
        shown = SHOWN / f"{name}.png"
        with Image.open(TAKEN / f"{name}.png") as picture:
            for colours in (256, 128, 64, 32):
                picture.convert("RGB").quantize(colours).save(shown, optimize=True)
                if shown.stat().st_size <= MOST_BYTES:
                    break
        print(f"{shown.relative_to(ROOT)}: {shown.stat().st_size // 1000} KB")
    if missing:
        print(f"Not taken: {', '.join(missing)}. Run the browser tests first.", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
