"""Spark properties: how a text of them is read, and which belong to the platform.

The form of the Jupyter page and the Livy server refuse the same ones, with the same sentence.
"""

from __future__ import annotations

import re

_IDENTITY = "the platform sets who runs the application and where"
_SECURITY = "the platform secures the application with it"
_LOGS = "the platform decides where logs go"
_NETWORK = "the platform connects the driver with it"

OWNED: dict[str, str] = {
    "spark.master": _IDENTITY,
    "spark.submit.deployMode": _IDENTITY,
    "spark.app.id": _IDENTITY,
    "spark.kerberos.": _IDENTITY,
    "spark.yarn.keytab": _IDENTITY,
    "spark.yarn.principal": _IDENTITY,
    "spark.hadoop.hadoop.security.": _IDENTITY,
    "spark.hadoop.hadoop.proxyuser.": _IDENTITY,
    "spark.yarn.access.": _IDENTITY,
    "spark.yarn.kerberos.": _IDENTITY,
    "spark.acls.": _SECURITY,
    "spark.admin.acls": _SECURITY,
    "spark.modify.acls": _SECURITY,
    "spark.ui.view.acls": _SECURITY,
    "spark.authenticate": _SECURITY,
    "spark.network.crypto.": _SECURITY,
    "spark.io.encryption.": _SECURITY,
    "spark.ssl.": _SECURITY,
    "spark.ui.filters": _SECURITY,
    "spark.ui.filters.": _SECURITY,
    "spark.org.apache.spark.ui.JWSFilter.": _SECURITY,
    "spark.ui.proxyBase": _SECURITY,
    "spark.ui.proxyRedirectUri": _SECURITY,
    "spark.ui.reverseProxy": _SECURITY,
    "spark.ui.enabled": _SECURITY,
    "spark.ui.port": _NETWORK,
    "spark.driver.host": _NETWORK,
    "spark.driver.port": _NETWORK,
    "spark.driver.bindAddress": _NETWORK,
    "spark.blockManager.port": _NETWORK,
    "spark.driver.blockManager.port": _NETWORK,
    "spark.eventLog.": _LOGS,
    "spark.driver.log.": _LOGS,
}
"""Names (a final dot: everything that begins so), and why a user may not set them."""

UMASK = "spark.hadoop.fs.permissions.umask-mode"
"""What others than the owner may not do with the files that Spark writes; octal."""
UMASK_DEFAULT = "007"

_OWNED = {name.lower().rstrip("."): reason for name, reason in OWNED.items()}
_FORM = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9_*/@$+~-]+)+")
_MALFORMED = "a name has letters, digits and _ - * / @ $ + ~ between single dots"
_UMASK = re.compile("[0-7]{3,4}")
_LINE = re.compile(r"(?P<name>[^\s=]+)\s*[=\s]\s*(?P<value>\S.*)")


def refusal(name: str) -> str | None:
    """Return why a user may not set a property, or None if it is free.

    Spark's own files of properties end a name at a space, a colon or a line's end: a name that is
    not of a property's form may become another one, and is refused.
    """
    if not _FORM.fullmatch(name):
        return _MALFORMED
    lower = name.lower()
    for owned, reason in _OWNED.items():
        # `spark.authenticate.secret`, … belong to their parents.
        if lower == owned or lower.startswith(f"{owned}."):
            return reason
    if lower.startswith("spark.ui.reverseproxy"):  # `spark.ui.reverseProxyUrl` has no dot
        return _SECURITY
    return None


def value_fault(name: str, value: str) -> str | None:
    """Return what is wrong with a value, where only some are allowed."""
    if name == UMASK and not _UMASK.fullmatch(value.strip()):
        return "must be three or four octal digits, such as 007"
    return None


def parse(text: str) -> dict[str, str]:
    """Read properties from text: `name=value` or `name value` a line, `#` begins a comment line.

    Raises:
        ValueError: a line is not of this form; the message says which.
    """
    properties: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None or not found["name"].startswith("spark."):
            raise ValueError(
                f"Line {number} ({line[:60]!r}) is not of the form `spark.name=value` "
                "or `spark.name value`."
            )
        properties[found["name"]] = found["value"].strip()
    return properties
