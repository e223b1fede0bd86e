"""The Jupyter server of a member in a project: its settings, its plan, what became of it."""
