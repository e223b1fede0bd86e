import json
import subprocess
import sys
from pathlib import Path

from hopyard.notebook import faststart


def test_stand_ins_are_gone_afterwards():
    with faststart.stand_ins({"hopyard_nowhere": {"answer": 42}}):
        import hopyard_nowhere

        assert hopyard_nowhere.answer == 42
    assert "hopyard_nowhere" not in sys.modules


def test_iri_formats_are_checked_when_first_needed():
    program = """
from hopyard.notebook import faststart
faststart.prepare()
import sys
from jsonschema import Draft202012Validator, FormatChecker
assert "lark" not in sys.modules
assert "sqlalchemy" not in sys.modules
check = Draft202012Validator({"format": "iri"}, format_checker=FormatChecker())
print(check.is_valid("https://example.org/"), check.is_valid("no iri"))
import sqlalchemy, jupyterhub.orm
print(sqlalchemy.__version__ > "2", hasattr(jupyterhub.orm, "User"))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split() == ["True", "False", "True", "True"], done.stderr


def configuration(**environment):
    from hopyard.notebook.server import configuration

    return configuration(environment)


def test_kernels_follow_the_mode():
    spark = configuration(HOPYARD_MODE="spark")
    assert spark.KernelSpecManager.allowed_kernelspecs == {
        "python3",
        "pyspark",
        "spark",
        "sparkr",
    }
    assert spark.MultiKernelManager.default_kernel_name == "pyspark"
    python = configuration(HOPYARD_MODE="python")
    assert python.KernelSpecManager.allowed_kernelspecs == {"python3"}
    assert python.MultiKernelManager.default_kernel_name == "python3"


def test_environment_chooses_folder_and_page():
    config = configuration(HOPYARD_ROOT_DIR="/x", HOPYARD_DEFAULT_URL="/nbclassic/tree")
    assert config.ServerApp.root_dir == "/x"
    assert config.ServerApp.default_url == "/nbclassic/tree"
    assert configuration().ServerApp.root_dir == "/project/Jupyter"


def test_kernels_are_not_open_to_the_machine():
    assert configuration().KernelManager.transport == "ipc"


def test_data_folder_is_complete():
    from hopyard.notebook.server import SHARE

    shown = {
        file.parent.name: json.loads(file.read_text())["display_name"]
        for file in SHARE.glob("kernels/*/kernel.json")
    }
    assert shown == {
        "python3": "Python",
        "pyspark": "PySpark",
        "spark": "Spark",
        "sparkr": "SparkR",
    }
    extension = SHARE / "labextensions" / "hopyard-lab"
    build = json.loads((extension / "package.json").read_text())["jupyterlab"]["_build"]
    assert Path(extension / build["load"]).exists()
