"""Runs a batch's Python file as `python FILE …` does, with PySpark's callback port guarded.

spark-submit starts it in Python's place. It is called by its path, and not as a module, so that no
file of the user's folder is taken for one of ours.
"""

import sys
from pathlib import Path


def main() -> None:
    """Become the user's program, in this very `__main__`: what it pickles names its module."""
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    from hopyard.driver import callbacks

    callbacks.guard()
    file = sys.argv[0]
    code = compile(Path(file).read_bytes(), file, "exec")
    names = vars(sys.modules["__main__"])
    kept = {name: names[name] for name in ("__name__", "__builtins__")}
    names.clear()
    names |= {**kept, "__file__": file, "__doc__": None, "__spec__": None, "__package__": None}
    names |= {"__loader__": None, "__cached__": None, "__annotations__": {}}
    try:
        exec(code, names)  # noqa: S102 - what the user asked to run
    except Exception as error:
        trace = error.__traceback__
        sys.excepthook(type(error), error, trace.tb_next if trace else None)  # without our frame
        sys.exit(1)


if __name__ == "__main__":
    main()
