"""Packages that a member installs: a Python environment on top of ours, for one session or server.

Our own environment is read-only. `pip` installs into a folder that is thrown away with the driver
or the Jupyter server; Python finds it before ours. Made by hand: `python -m venv` takes a second.

Standard library only: this is imported in kernels.
"""

from __future__ import annotations

import importlib
import os
import shlex
import site
import sys
import sysconfig
from pathlib import Path
from typing import Any, NoReturn

VARIABLE = "HOPYARD_PACKAGES"
"""Where the environment is, for kernels."""
OURS = "_hopyard.pth"
"""Adds our own environment's packages."""
CONDA = ("conda", "mamba", "micromamba")


def make(root: Path) -> dict[str, str]:
    """Make an environment, or find the one that is there; return what its processes have set."""
    programs = root / "bin"
    if not programs.exists():
        programs.mkdir(mode=0o700, parents=True)
        folder(root).mkdir(parents=True)
        base = Path(getattr(sys, "_base_executable", sys.executable)).parent
        (root / "pyvenv.cfg").write_text(f"home = {base}\ninclude-system-site-packages = false\n")
        ours = f"import site; list(map(site.addsitedir, {_ours()!r}))\n"
        (folder(root) / OURS).write_text(ours)
        for name in ("python", "python3"):
            (programs / name).symlink_to(sys.executable)
        for name in ("pip", "pip3"):
            script = programs / name
            script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(programs))}/python -m pip "$@"\n')
            script.chmod(0o755)
    path = os.environ.get("PATH", os.defpath)
    return {
        VARIABLE: str(root),
        "VIRTUAL_ENV": str(root),
        "PATH": f"{programs}{os.pathsep}{path}",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def folder(root: Path) -> Path:
    """Return where an environment's packages are."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return root / "lib" / version / "site-packages"


def _ours() -> list[str]:
    paths = sysconfig.get_paths()
    return list(dict.fromkeys([paths["purelib"], paths["platlib"], *site.getsitepackages()]))


def register(shell: Any, note: str) -> None:
    """Let a shell's `import` find what is installed, and its `%pip` install it.

    Args:
        shell: a kernel's IPython.
        note: says for how long it is there.
    """
    if VARIABLE not in os.environ:
        return
    root = Path(os.environ[VARIABLE])
    place = str(folder(root))
    if place not in sys.path:
        ours = [index for index, one in enumerate(sys.path) if one in _ours()]
        sys.path.insert(min(ours, default=len(sys.path)), place)

    def pip(line: str) -> None:
        words = line.replace("--user", "")  # there is one user
        shell.system(f"{shlex.quote(str(root / 'bin' / 'python'))} -m pip {words}")
        importlib.invalidate_caches()
        for links in Path(place).glob("*.pth"):  # to folders, of `-e`
            if links.name != OURS:
                site.addpackage(place, links.name, None)
        if words.split()[:1] == ["install"] and not shell.user_ns.get("_exit_code"):
            print(note)

    def conda(line: str) -> NoReturn:
        from IPython.core.error import UsageError

        raise UsageError("There is no conda here: use %pip install NAME.")

    shell.register_magic_function(pip, "line", "pip")
    for name in CONDA:
        shell.register_magic_function(conda, "line", name)


def load_ipython_extension(shell: Any) -> None:
    """Register in a Jupyter server's kernel (`--ext hopyard.packages`)."""
    register(shell, "Installed for this Jupyter server: it is gone when the server stops.")
