"""What R needs to speak to Spark: a package SparkR, and a backend that waits for it."""

from __future__ import annotations

from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "r"
"""Our own package, for a Spark that has none."""
BACKEND_SECONDS = str(10 * 365 * 86400)
"""Spark's RBackend hangs up on an R that was silent for so long."""


def has_own(spark_home: Path) -> bool:
    """Say whether a distribution of Spark carries its own SparkR."""
    return (spark_home / "R" / "lib" / "SparkR" / "DESCRIPTION").exists()
