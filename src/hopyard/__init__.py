"""Hopyard: project-based Jupyter on Spark."""

from __future__ import annotations

__version__ = "0.1.0"


def secret(name: str, *, owner: str | None = None) -> str:
    """Return the value of a secret, in a notebook or a Spark driver.

    Args:
        name: as on the page Secrets; one's own comes before those that members share.
        owner: whose, where several members share one of this name with the project.

    Raises:
        hopyard.errors.NotFound: there is none of this name that one may use in this project.
        hopyard.errors.Unavailable: nobody answers, or this is neither notebook nor driver.
    """
    from hopyard import ask

    return ask.secret(name, owner)
