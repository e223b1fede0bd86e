"""Batches: Spark applications that run to their end by themselves."""
