"""The demo's files: what a person edited or deleted is left alone."""

from pathlib import Path

from hopyard.cli.demo import copy_files


def test_files_are_copied_once(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "data").mkdir(parents=True)
    (source / "demo.ipynb").write_text("one")
    (source / "data" / "numbers.csv").write_text("1,2")
    (source / "__init__.py").write_text("")
    copied = copy_files(source, target, {})
    assert set(copied) == {"demo.ipynb", "data/numbers.csv"}

    (target / "demo.ipynb").write_text("edited")
    (target / "data" / "numbers.csv").unlink()
    (source / "demo.ipynb").write_text("two")
    (source / "new.ipynb").write_text("new")
    copied = copy_files(source, target, copied)
    assert (target / "demo.ipynb").read_text() == "edited"
    assert not (target / "data" / "numbers.csv").exists()
    assert (target / "new.ipynb").read_text() == "new"

    (source / "new.ipynb").write_text("newer")
    copy_files(source, target, copied)
    assert (target / "new.ipynb").read_text() == "newer"
