"""What can be set, called or permitted is in the docs."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from hopyard.projects.scopes import PERMISSIONS
from hopyard.settings import GitSettings, Limits, LivySettings, Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_pages_are_current(reference: ModuleType) -> None:
    late = [page.name for page, text in reference.pages() if page.read_text() != text]
    assert not late, f"run `python scripts/reference.py`: {late}"


@pytest.mark.parametrize("model", [Settings, Limits, LivySettings, GitSettings])
def test_settings_are_documented_with_a_meaning(model: type) -> None:
    page = (DOCS / "reference" / "settings.md").read_text()
    for name, field in model.model_fields.items():  # type: ignore[attr-defined]
        if name in ("limits", "livy", "git"):
            assert f"[{name}]" in page
        else:
            assert f"| `{name}` |" in page
            assert field.description, f"{model.__name__}.{name} has no description"


def test_permissions_are_documented() -> None:
    page = (DOCS / "reference" / "permissions.md").read_text()
    assert [name for name in PERMISSIONS if f"| `{name}` |" not in page] == []


def test_decisions_are_numbered_and_listed() -> None:
    pages = sorted(page.name for page in (DOCS / "decisions").glob("0*.md"))
    listed = re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", (DOCS / "decisions/index.md").read_text())
    assert pages == listed
    numbers = [page[:4] for page in pages]
    assert numbers == sorted(set(numbers))


def test_navigation_names_every_page() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    named = set(re.findall(r"[\w/-]+\.md", str(yaml.safe_load(text)["nav"])))
    assert named == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}


def test_pages_fetch_nothing_from_the_internet() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert config["theme"]["font"] is False
    assert not {"extra_javascript", "extra_css", "extra"} & set(config)


def test_readme_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert target.startswith("http") or (ROOT / target).exists(), (page.name, target)
