"""What takes more than one service: done the same from a page and from the API."""

from __future__ import annotations

from hopyard import audit
from hopyard.errors import Conflict, InvalidInput, NotFound, Unavailable
from hopyard.projects.accounts.service import user_name
from hopyard.projects.members.models import Member
from hopyard.projects.repositories.leftovers import Leftover
from hopyard.protocol.git import Job, Outcome
from hopyard.protocol.names import is_name
from hopyard.web.wiring import Wiring

STOP_TRIES = 40
"""Looks at a server that stops, half a second apart."""


class AccountExists(Conflict):
    """Somebody is to be invited who has an account."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is an account {name!r} already. Somebody who forgot the password gets a new "
            "one with “Reset a password”."
        )


class UnpushedWork(Conflict):
    """Members have work in a project that is on no Git server."""

    def __init__(self, left: list[Leftover]) -> None:
        self.lines = [f"{one.user}, {one.sentence}" for one in left]
        super().__init__(
            f"Work in this project is on no Git server: {'; '.join(self.lines)}. Push it first, or "
            "put it aside with the project's files (put_aside=true)."
        )


async def invite(services: Wiring, name: str, by: str, *, admin: bool) -> str:
    """Invite a person; return the one-time link.

    Raises:
        InvalidInput: the name is not of the allowed form.
        Conflict: there is such an account: a link would be a way into it.
    """
    name = user_name(name)
    if await services.hub.user_exists(name):
        raise AccountExists(name)
    token = await services.accounts.invite(name, admin, by)
    audit.record(services.settings, by, "invited a person", user=name, admin=admin)
    return f"{services.platform.public_url}hub/welcome#{token}"


async def reset_password(services: Wiring, name: str, by: str) -> str:
    """Return a one-time link with which whoever has it gives an account a new password.

    Raises:
        InvalidInput: the name is not of the allowed form.
        NotFound: there is no such account.
    """
    name = user_name(name)
    if not await services.hub.user_exists(name):
        raise NotFound(f"There is no account {name!r}.")
    token = await services.accounts.invite(name, admin=False, by=by)
    audit.record(services.settings, by, "made a link for a new password", user=name)
    return f"{services.platform.public_url}hub/welcome#{token}"


async def add_member(services: Wiring, project: str, user: str, role: str) -> Member:
    """Add a member, or change a member's role.

    Raises:
        InvalidInput: nobody of this name has an account or is invited, or there is no such role.
        Conflict: the project would be left without a data owner.
    """
    user = user.strip()
    known = is_name(user) and await services.hub.user_exists(user)
    if not known and not await services.accounts.is_invited(user):
        raise InvalidInput(
            f"Nobody here is called {user!r}: an administrator can add people.", "user"
        )
    return await services.projects.add_member(project, user, role)


async def remove_member(services: Wiring, project: str, user: str, by: str) -> None:
    """Remove a member and stop the member's server and sessions in the project.

    Raises:
        NotFound: the user is not a member.
        Conflict: the project would be left without a data owner.
    """
    await services.projects.remove_member(project, user, by)
    await services.servers.expel(user, project)


async def ends_with(services: Wiring, project: str, user: str) -> list[str]:
    """Return in words what ends, and what stays, when a member is removed."""
    lines = [f"{user} cannot open the project, its files and its secrets any more."]
    view = await services.servers.view(user, project)
    if view.state in ("starting", "running"):
        lines.append(
            f"The Jupyter server of {user} is {view.state}: it ends at once, and what is not saved "
            "in open notebooks is lost."
        )
    token = services.seal.deputy(user, project)
    try:
        running = len(await services.livy.applications(project, token))
    except Unavailable:
        lines.append(f"Spark sessions of {user} end; how many run cannot be asked now.")
    else:
        if running:
            noun = "1 Spark session" if running == 1 else f"{running} Spark sessions"
            lines.append(f"{noun} of {user} end{'s' if running == 1 else ''}, running cells too.")
    for one in await services.repositories.leftovers(project):
        if one.user == user:
            lines.append(f"Kept on the server, and no Git server has it: {one.sentence}.")
    lines.append(f"Files in the project stay. {user} is told at the next visit, and in JupyterLab.")
    return lines


async def delete_project(
    services: Wiring, project: str, by: str, *, put_aside: bool = False
) -> None:
    """Stop all that runs in a project, then delete it.

    Args:
        services: the services.
        project: its name.
        by: who deletes it.
        put_aside: put work that is on no Git server aside with the files, without asking.

    Raises:
        UnpushedWork: there is such work; nothing was stopped or deleted.
        Conflict: a member's server starts, stops or does not stop, so that its files would be
            pulled from under it; no session of anybody's was ended.
    """
    if not put_aside and (left := await services.repositories.leftovers(project)):
        raise UnpushedWork(left)
    members = await services.projects.members(project)
    for member in members:  # nothing is ended before it is known that all can be
        state = (await services.servers.view(member.user, project)).state
        if state in ("starting", "stopping"):
            raise Conflict(
                f"The Jupyter server of {member.user} is {state}: try again in a minute."
            )
    for member in members:
        await services.servers.stop_theirs(member.user, project)
    for member in members:
        await _until_stopped(services, member.user, project)
    for member in members:
        await services.servers.expel(member.user, project)
    await services.projects.delete(project, by)


async def restore_rescue(services: Wiring, user: str, project: str, rescue: str) -> Outcome:
    """Bring a rescue back into a member's working copy.

    Raises:
        Conflict: the Jupyter server works in the same files now, or Git is off.
    """
    server = await services.servers.view(user, project)
    if server.state not in ("stopped", "failed"):
        raise Conflict("Stop the Jupyter server first: it works in the same files.")
    return await services.repositories.work(user, project, Job.RESTORE, rescue=rescue)


async def _until_stopped(services: Wiring, user: str, project: str) -> None:
    for _ in range(STOP_TRIES):
        view = await services.servers.view(user, project)
        if view.state in ("stopped", "failed"):
            return
        await services.servers.bell.wait(user, project, 0.5)
    raise Conflict(f"The Jupyter server of {user} does not stop: try again in a minute.")
