"""The Git engine: runs in the user's sandbox, one process a job (see `protocol/git.py`)."""
