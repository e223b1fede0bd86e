"""The logs of a member in a project: the Jupyter server's runs and the sessions' drivers."""
