"""Media types of our own, between the driver and the server."""

JOB = "application/vnd.hopyard.job"
"""What a client's job returned: its pickle, in base64."""


def is_json(mime: str) -> bool:
    """Say whether a value of a media type is any of JSON's; all others are texts."""
    return mime == "application/json" or mime.endswith("+json")
