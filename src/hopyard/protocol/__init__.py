"""The words on the wire between Livy clients, the Livy server and the drivers.

Standard library and pydantic only: this ships to clusters.
"""
