"""Files beside which front ends write: a film, a style and a photo in the test's own folder."""

from pathlib import Path

import pytest

from tests.clips import clip
from tests.images import clouds, stripes
from vidstyle.images import save_image


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return clip(tmp_path / "clip.mp4", count=6, size=(48, 64))


@pytest.fixture
def style(tmp_path: Path) -> Path:
    save_image(tmp_path / "stripes.png", stripes(48, 64))
    return tmp_path / "stripes.png"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    save_image(tmp_path / "photo.png", clouds(48, 64))
    return tmp_path / "photo.png"
