"""Benchmarks of a Livy server: ours, or ours beside another (`--url BASE`)."""
