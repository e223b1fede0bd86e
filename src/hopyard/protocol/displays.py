"""Kinds of displays that say more than what is to be seen."""

NEXT_INPUT = "application/vnd.hopyard.next-input+json"
"""The text of a new cell (`%load`); with it comes text/plain for clients that do not know it."""

PICTURES = ("image/png", "image/jpeg", "image/svg+xml", "image/gif", "application/pdf")
"""The forms of a picture, of which a display may have several."""
