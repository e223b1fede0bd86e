"""Media types of our own, between the driver and the server."""

JOB = "application/vnd.hopyard.job"
"""What a client's job returned: its pickle, in base64."""
