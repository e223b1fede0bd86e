"""Benchmarks of a Livy server, ours or any other: `python -m benchmarks.livy --url BASE`."""
