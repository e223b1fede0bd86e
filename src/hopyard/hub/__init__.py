"""JupyterHub's side of Hopyard: configuration, accounts, and the spawner of Jupyter servers."""
