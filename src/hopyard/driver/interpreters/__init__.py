"""The interpreters of a session: one file a language, one contract (`base.py`)."""
