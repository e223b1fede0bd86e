"""The Git repository that a member's Jupyter server works in: settings, and what became of it."""
