"""The agent in a Spark driver, and the interpreters that it runs statements in.

Imports are light: this starts with every session and ships to clusters.
"""
