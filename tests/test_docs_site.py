"""The docs build as a site, without a warning, with the docstrings of the public names."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import vidstyle

ROOT = Path(vidstyle.__file__).parents[1]
NEEDED = ("mkdocs", "material", "mkdocstrings")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if MISSING:
        pytest.skip(f"not installed: {', '.join(MISSING)}; pip install 'vidstyle[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_first_page_is_the_readme(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "Install and paint the sample" in text
    assert 'href="jobs/"' in text
    assert 'src="strip.jpg"' in text


def test_each_page_is_there(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert not [name for name in pages if not (site / name / "index.html").is_file()]


@pytest.mark.parametrize("name", vidstyle.__all__)
def test_the_reference_has_the_public_names(name: str, site: Path) -> None:
    text = (site / "api" / "index.html").read_text(encoding="utf-8")
    homes = [module for module, names in vidstyle._HOMES.items() if name in names]
    assert f'id="vidstyle.{homes[0]}.{name}"' in text


def test_the_reference_shows_parameters(site: Path) -> None:
    assert "how to paint it; None for the defaults" in (site / "api" / "index.html").read_text(encoding="utf-8")
