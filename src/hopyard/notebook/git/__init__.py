"""Git in the Jupyter server: its configuration, and the key of the project's repository."""
