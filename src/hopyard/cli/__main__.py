"""`python -m hopyard.cli`: how the platform starts its own processes."""

from hopyard.cli import main

main()
