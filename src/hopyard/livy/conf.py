"""From a request to the Spark properties of a driver.

Order: the operator's `spark_conf`, then the request's own fields (`driverMemory` and so on), then
its `conf`; then what the platform owns, which a request may not set. `hopyard.*` keys are for this
server and are not passed to Spark.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from hopyard.errors import InvalidInput
from hopyard.launchers import choose
from hopyard.launchers.base import Launcher
from hopyard.livy.requests import SHARE, AskSpark
from hopyard.protocol import resources, spark_ui
from hopyard.protocol.properties import UMASK, UMASK_DEFAULT, refusal, value_fault
from hopyard.settings import Settings

REMOTE = frozenset(
    {"hdfs", "s3", "s3a", "http", "https", "ftp", "abfss", "gs", "viewfs", "webhdfs"}
)
OURS = frozenset({"hopyard.session.keep", "hopyard.session.warm"})
SHARE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FIELDS = {
    "spark.driver.memory": "driverMemory",
    "spark.driver.cores": "driverCores",
    "spark.executor.memory": "executorMemory",
    "spark.executor.cores": "executorCores",
    "spark.executor.instances": "numExecutors",
    "spark.yarn.queue": "queue",
}
"""Fields of a request that are properties of Spark."""
PATH_KEYS = {
    "spark.jars": "jars",
    "spark.submit.pyFiles": "pyFiles",
    "spark.files": "files",
    "spark.archives": "archives",
}


def check(request: AskSpark, settings: Settings, *, platform: bool) -> None:
    """Refuse what the platform owns and sizes that are out of range.

    Raises:
        InvalidInput: names the property and the reason.
    """
    for key, value in request.conf_texts().items():
        if fault := _key_fault(key, platform=platform) or _value_fault(key, value):
            raise InvalidInput(f"Rejected, Reason: {key[:100]} {fault}.", "conf")
    master = request.conf_texts().get("spark.master")
    if master is not None and (fault := choose.refusal(master)):
        raise InvalidInput(f"Rejected, Reason: spark.master = {fault}.", "conf")
    # What a field says is looked at also where `conf` says something else.
    for wanted in (_of_fields(request), asked(request)):
        if found := resources.fault(wanted, settings.limits):
            key, why = found
            field = FIELDS.get(key, "conf")
            named = f'field "{field}" ({key})' if field != "conf" else key
            raise InvalidInput(f"Rejected, Reason: {named}: {why}.", field)


def _key_fault(key: str, *, platform: bool) -> str | None:
    if not key.startswith(("spark.", "hopyard.", "livy.")):
        return "is no Spark property (it must begin with spark.)"
    reason = refusal(key)
    if reason and (platform or key != "spark.master"):
        return f"cannot be set: {reason}"
    return None


def _value_fault(key: str, value: str) -> str | None:
    if key in OURS and value not in ("true", "false"):
        return "is either true or false"
    if key == SHARE and not SHARE_NAME.fullmatch(value):
        return (
            "is a name of at most 64 letters (a to z), digits and ._- that begins with a letter or "
            "a digit"
        )
    return value_fault(key, value)


def _of_fields(request: AskSpark) -> dict[str, str]:
    return {key: str(value) for key, field in FIELDS.items() if (value := getattr(request, field))}


def asked(request: AskSpark) -> dict[str, str]:
    """Return the Spark properties that a request itself asks for, without its files."""
    properties = {
        key: value
        for key, value in request.conf_texts().items()
        if key.startswith("spark.") and key not in PATH_KEYS
    }
    return _of_fields(request) | properties


def spark_conf(
    request: AskSpark, settings: Settings, *, app_name: str | None, ui_base: str, ui_secret: bytes
) -> dict[str, str]:
    """Return the complete Spark properties of a driver; without a name Spark makes one."""
    conf = {
        "spark.master": settings.spark_master,
        **({"spark.app.name": app_name} if app_name else {}),
        "spark.ui.showConsoleProgress": "false",
        UMASK: UMASK_DEFAULT,
        **settings.spark_conf,
        **asked(request),
        "spark.ui.port": "0",
        "spark.ui.proxyBase": ui_base,
        "spark.ui.filters": spark_ui.FILTER,
        spark_ui.KEY: spark_ui.encoded(ui_secret),
    }
    resources.bounded(conf, settings.limits)
    if choose.on_loopback(conf["spark.master"]):
        conf |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    if choose.one_process(conf["spark.master"]):
        # Spark makes a secret for each application itself, which no property shows. A standalone
        # cluster has one of its own, for all: the operator's to give.
        conf["spark.authenticate"] = "true"
    if conf["spark.master"].startswith("spark://"):
        _count_executors(conf)
    return conf


def _count_executors(conf: dict[str, str]) -> None:
    """Say the number of executors as a standalone cluster understands it: by all their cores."""
    number = conf.get("spark.executor.instances", "")
    if number.isdigit():
        cores = conf.setdefault("spark.executor.cores", "1")
        if cores.isdigit():
            conf.setdefault("spark.cores.max", str(int(number) * int(cores)))


def paths(request: AskSpark, launcher: Launcher, project_folder: str) -> dict[str, list[str]]:
    """Return jars, pyFiles, files and archives as the driver sees them.

    A path without scheme is in the project (`Resources/a.jar`, or `/project/Resources/a.jar`).

    Raises:
        InvalidInput: a path of this machine is outside the project.
    """
    found = {}
    for key, name in PATH_KEYS.items():
        extra = [part.strip() for part in request.conf_texts().get(key, "").split(",")]
        given = [*(getattr(request, name) or []), *(part for part in extra if part)]
        found[name] = [seen_path(path, launcher, project_folder) for path in given]
    return found


def seen_path(path: str, launcher: Launcher, project_folder: str) -> str:
    """Return one path as the driver sees it (see `paths`)."""
    project = PurePosixPath(launcher.project_folder or project_folder)
    try:
        parts = urlsplit(path)
    except ValueError:
        raise InvalidInput(f"Rejected, Reason: {path} is no path and no address.") from None
    if parts.scheme in REMOTE:
        return path
    if parts.scheme not in ("", "file", "local"):
        raise InvalidInput(f"Rejected, Reason: {path} is of no known file system.")
    if parts.netloc:
        raise InvalidInput(f"Rejected, Reason: {path} names a machine; write file:///PATH.")
    plain, _, alias = (
        path.removeprefix(f"{parts.scheme}://").removeprefix(f"{parts.scheme}:").partition("#")
        if parts.scheme
        else path.partition("#")
    )
    # Spark takes a list with commas apart, and an address with percent signs.
    local = PurePosixPath("/project") / plain
    leaves = ".." in PurePosixPath(unquote(plain)).parts or "," in path
    if leaves or not local.is_relative_to("/project"):
        raise InvalidInput(
            f"Rejected, Reason: requirement failed: Local path {path} "
            "cannot be added to user sessions."
        )
    inside = str(project / local.relative_to("/project"))
    return f"{inside}#{alias}" if alias else inside
