"""Benchmarks against bare Spark and plain JupyterHub, in the same run: `python -m benchmarks`."""
