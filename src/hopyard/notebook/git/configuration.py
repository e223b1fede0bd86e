"""Git's configuration for all that runs in the Jupyter server: the panel, terminals, notebooks.

It is handed down as `GIT_CONFIG_COUNT`, `GIT_CONFIG_KEY_n` and `GIT_CONFIG_VALUE_n`
(https://git-scm.com/docs/git-config#ENVIRONMENT): no file of the member's is written, and no secret
is in it. Other repositories are left as Git has them: their helpers and questions stay.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

SOCKET = "git-key"
ATTRIBUTES = Path(__file__).parents[1] / "share" / "git" / "attributes"
VARIABLE = "HOPYARD_REPOSITORY"


class Repository(BaseModel, frozen=True, extra="forbid"):
    """The repository that this Jupyter server works in.

    Attributes:
        url: its address; http or https, with neither name nor password.
        username: the name that goes with the key.
        secret: the name of the secret that is the key; without one there is no key.
        ca_file: certificates of authorities to trust; the system's if empty.
    """

    url: str
    username: str = "git"
    secret: str | None = None
    ca_file: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Repository | None:
        """Return what the server was started for; None where Git is off."""
        text = environment.get(VARIABLE)
        return cls.model_validate_json(text) if text else None


def entries(
    environment: Mapping[str, str], repository: Repository | None, socket: Path
) -> list[tuple[str, str]]:
    """Return keys and values in Git's own order: a later one wins, an empty helper resets."""
    found = [("user.name", environment.get("HOPYARD_USER_NAME", ""))]
    found.append(("user.email", environment.get("HOPYARD_USER_EMAIL", "")))
    found = [(key, value) for key, value in found if value]
    python = shlex.quote(sys.executable)
    found += [
        ("core.attributesFile", str(ATTRIBUTES)),
        ("diff.jupyternotebook.command", f"{python} -P -m nbdime.vcs.git.diffdriver diff"),
        ("merge.jupyternotebook.name", "jupyter notebook merge driver"),
        (
            "merge.jupyternotebook.driver",
            f"{python} -P -m nbdime.vcs.git.mergedriver merge %O %A %B %L %P",
        ),
    ]
    if repository and repository.ca_file:
        found.append((f"http.{repository.url}.sslCAInfo", repository.ca_file))
    if repository and repository.secret:
        place = f"credential.{repository.url}"
        helper = f"!{python} -P -m hopyard.notebook.git.helper {shlex.quote(str(socket))}"
        found += [
            (f"{place}.helper", ""),
            (f"{place}.helper", helper),
            (f"{place}.useHttpPath", "true"),  # else the helper is not told the path
            (f"{place}.username", repository.username),
        ]
    return found


def variables(
    environment: Mapping[str, str], repository: Repository | None, socket: Path
) -> dict[str, str]:
    """Return the variables that hand the configuration down."""
    found = entries(environment, repository, socket)
    given = {"GIT_CONFIG_COUNT": str(len(found))}
    for number, (key, value) in enumerate(found):
        given |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return given
