"""The file that JupyterHub reads; what it says is in `configure.py`."""

from hopyard.hub.bodies import bound
from hopyard.hub.configure import configure
from hopyard.hub.context import context

bound()
_context = context()
configure(get_config(), _context.settings, _context.platform)  # type: ignore[name-defined]  # noqa: F821
if _context.settings.hub_config:
    load_subconfig(str(_context.settings.hub_config.resolve()))  # type: ignore[name-defined]  # noqa: F821
