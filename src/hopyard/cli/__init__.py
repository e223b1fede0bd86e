"""The command line: read the settings, wire objects, start one process.

Each command imports what it needs when it runs, so that `hopyard version` and a wrong setting
answer at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from hopyard.errors import HopyardError

app = typer.Typer(
    name="hopyard",
    help="Project-based Jupyter on Spark.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("up")
def up_command() -> None:
    """Start the platform and keep it running until Ctrl-C."""
    from hopyard.cli.up import run
    from hopyard.settings import load

    run(load())


@app.command("demo")
def demo_command() -> None:
    """Like `up`, with a demo project, a demo user and a notebook to try."""
    from hopyard.cli.demo import run
    from hopyard.settings import load

    run(load())


@app.command("web")
def web_command() -> None:
    """Start the pages and the REST API alone (`up` does this)."""
    from hopyard.cli.web import serve
    from hopyard.settings import Platform, load

    settings = load()
    serve(settings, Platform.read(settings))


@app.command("livy")
def livy_command(
    platform: Annotated[
        bool, typer.Option("--platform", help="As a part of the platform that `up` started.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on, standalone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on, standalone.")] = 8998,
    token_file: Annotated[
        Path | None, typer.Option(help="File with `USER TOKEN [admin]` a line; who may use it.")
    ] = None,
    no_token: Annotated[
        bool,
        typer.Option(
            "--no-token",
            help="Let everybody on this machine use it: without, one token is made, in a file.",
        ),
    ] = False,
) -> None:
    """Start the Livy server, alone for any Livy client."""
    from hopyard.cli.livy import serve
    from hopyard.settings import Platform, load

    settings = load()
    if platform:
        serve(settings, Platform.read(settings))
    else:
        serve(settings, None, host=host, port=port, token_file=token_file, no_token=no_token)


@app.command("check")
def check_command(
    project: Annotated[str, typer.Option(help="The project to run the notebook in.")] = "demo",
    url: Annotated[
        str | None, typer.Option(help="The platform's address, if it runs elsewhere.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="HOPYARD_TOKEN", help="A token made at /hub/token.")
    ] = None,
) -> None:
    """Run the demo notebook against a running platform, without a browser."""
    from hopyard.cli.check import run
    from hopyard.settings import load

    raise typer.Exit(run(load(), project=project, url=url, token=token))


users = typer.Typer(help="Manage accounts.", no_args_is_help=True)
app.add_typer(users, name="users")


@users.command("add")
def users_add(
    name: Annotated[str, typer.Argument(help="The account's name.")],
    admin: Annotated[bool, typer.Option("--admin", help="Make an administrator.")] = False,
) -> None:
    """Add an account by a link that works once."""
    from hopyard.cli.users import add
    from hopyard.settings import load

    typer.echo(add(load(), name, admin=admin))


@users.command("reset-password")
def users_reset_password(
    name: Annotated[str, typer.Argument(help="The account's name.")],
) -> None:
    """Let the owner of an account choose a new password by a link that works once."""
    from hopyard.cli.users import reset_password
    from hopyard.settings import load

    typer.echo(reset_password(load(), name))


secrets = typer.Typer(help="Manage the keys of secrets.", no_args_is_help=True)
app.add_typer(secrets, name="secrets")


@secrets.command("rotate")
def secrets_rotate() -> None:
    """Encrypt all secrets with a new key; can be interrupted and run again."""
    from hopyard.cli.secrets import rotate
    from hopyard.settings import load

    typer.echo(f"{rotate(load())} secrets are encrypted with the new key.")


@app.command("version")
def version_command() -> None:
    """Print the version."""
    from importlib.metadata import version as version_of

    typer.echo(version_of("hopyard"))


@app.command("migrate", hidden=True)
def migrate_command() -> None:
    """Bring the database to the newest form of its tables (`up` does this)."""
    from hopyard.settings import load
    from hopyard.store.engine import migrate as migrate_database

    migrate_database(load().database)


@app.command("make-demo", hidden=True)
def make_demo_command() -> None:
    """Make the demo project of the platform that runs (`demo` does this)."""
    import asyncio

    from hopyard.cli.demo import make
    from hopyard.settings import Platform, load

    settings = load()
    asyncio.run(make(settings, Platform.read(settings)))


def main() -> None:
    """Run the command line; an error for the user is one sentence and exit code 1."""
    os.umask(0o077)  # what the platform writes is its own
    try:
        app()
    except HopyardError as error:
        print(f"hopyard: {error}", file=sys.stderr)
        # Not `sys.exit`: a library's thread that still runs must not keep a failed start alive.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
