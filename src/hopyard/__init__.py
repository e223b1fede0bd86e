"""Hopyard: project-based Jupyter on Spark."""

__version__ = "0.1.0"
