"""Tours: notebooks of our own with their data, for a project made to try something."""
