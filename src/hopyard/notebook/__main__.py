"""`python -m hopyard.notebook`: one member's Jupyter server in one project, under the Hub."""

from hopyard.notebook import faststart

if __name__ == "__main__":
    faststart.prepare()
    from hopyard.notebook.server import main

    main()
