"""Tours: their files are there and are copied; what a person edited or deleted is left alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hopyard.errors import NotFound
from hopyard.projects.jupyter.service import Jupyter
from hopyard.projects.members.service import Projects
from hopyard.projects.tours import files
from hopyard.projects.tours.models import FILES, every
from hopyard.projects.tours.service import Tours
from hopyard.settings import Settings


def test_every_notebook_belongs_to_a_tour() -> None:
    listed = [name for tour in every() for name in tour.notebooks]
    assert sorted(listed) == sorted(file.name for file in FILES.glob("*.ipynb"))
    assert all((FILES / name).exists() for tour in every() for name in tour.files)


@pytest.mark.parametrize("notebook", sorted(FILES.glob("*.ipynb")), ids=lambda file: file.stem)
def test_notebooks_ship_without_outputs(notebook: Path) -> None:
    for cell in json.loads(notebook.read_text())["cells"]:
        assert not cell.get("outputs")
        assert not cell.get("execution_count")


def test_files_are_copied_once(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "data").mkdir(parents=True)
    (source / "demo.ipynb").write_text("one")
    (source / "data" / "numbers.csv").write_text("1,2")
    (source / "another.ipynb").write_text("of another tour")
    copied = files.copy(source, ["demo.ipynb", "data"], target, {})
    assert set(copied) == {"demo.ipynb", "data/numbers.csv"}

    (target / "demo.ipynb").write_text("edited")
    (target / "data" / "numbers.csv").unlink()
    (source / "demo.ipynb").write_text("two")
    (source / "new.ipynb").write_text("new")
    names = ["demo.ipynb", "data", "new.ipynb"]
    copied = files.copy(source, names, target, copied)
    assert (target / "demo.ipynb").read_text() == "edited"
    assert not (target / "data" / "numbers.csv").exists()
    assert (target / "new.ipynb").read_text() == "new"

    (source / "new.ipynb").write_text("newer")
    files.copy(source, names, target, copied)
    assert (target / "new.ipynb").read_text() == "newer"


@pytest.mark.parametrize("dangling", [True, False])
@pytest.mark.parametrize("at", [".", "data", "data/numbers.csv"])
def test_nothing_is_copied_through_a_members_link(tmp_path: Path, at: str, dangling: bool) -> None:
    source, target, outside = (tmp_path / name for name in ("source", "target", "outside"))
    (source / "data").mkdir(parents=True)
    (source / "data" / "numbers.csv").write_text("1,2")
    if not dangling:
        (outside / "data").mkdir(parents=True)
    (target / at).parent.mkdir(parents=True, exist_ok=True)
    (target / at).symlink_to(outside)
    assert files.copy(source, ["data"], target, {}) == {}
    assert dangling != outside.exists()
    assert not list(outside.rglob("*.csv"))


def test_what_is_no_file_does_not_stop_a_copy(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    for name in ("a.csv", "b.csv", "c.csv"):
        (source / name).write_text(name)
    os.mkfifo(target / "a.csv")  # whoever reads it waits for a writer
    (target / "b.csv").mkdir()
    assert list(files.copy(source, ["a.csv", "b.csv", "c.csv"], target, {})) == ["c.csv"]
    assert (target / "c.csv").read_text() == "c.csv"


def test_copy_does_not_write_into_a_file_of_two_names(tmp_path: Path) -> None:
    source, target, other = (tmp_path / name for name in ("source", "target", "other.csv"))
    source.mkdir()
    (source / "a.csv").write_text("old")
    copied = files.copy(source, ["a.csv"], target, {})
    os.link(target / "a.csv", other)
    (source / "a.csv").write_text("new")
    files.copy(source, ["a.csv"], target, copied)
    assert ((target / "a.csv").read_text(), other.read_text()) == ("new", "old")


async def test_each_maker_gets_a_project_of_their_own(
    projects: Projects, jupyter: Jupyter, settings: Settings
) -> None:
    tours = Tours(projects, jupyter, settings)
    made = [(await tours.make("python", user)).project.name for user in ("ada", "bob")]
    assert made == ["tour-python", "tour-python-2"]
    for name in made:
        assert (settings.projects_dir / name / "Jupyter" / "Python mode.ipynb").exists()
        assert (settings.projects_dir / name / "Jupyter" / "weather" / "weather.csv").exists()
    assert (await jupyter.recall("bob", "tour-python-2")).mode == "python"
    with pytest.raises(NotFound):
        await projects.membership("bob", "tour-python")
    with pytest.raises(NotFound, match="first-steps"):
        await tours.make("nowhere", "ada")
