"""A small clip, a style and filters that paint in milliseconds."""

from pathlib import Path

import pytest

from tests.clips import clip
from tests.pictures import clouds, random_tensors, stripes
from vidstyle.core.weights import save_filters
from vidstyle.images import save_picture


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No colours or width from outside, and a cache of filters of its own."""
    for name in ("FORCE_COLOR", "TTY_INTERACTIVE", "TTY_COMPATIBLE", "COLUMNS", "VIDSTYLE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VIDSTYLE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return clip(tmp_path / "clip.mp4", count=6, size=(48, 64))


@pytest.fixture
def style(tmp_path: Path) -> Path:
    save_picture(tmp_path / "stripes.png", stripes(48, 64))
    return tmp_path / "stripes.png"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    save_picture(tmp_path / "photo.png", clouds(48, 64))
    return tmp_path / "photo.png"


@pytest.fixture(scope="session")
def filters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filters") / "random.safetensors"
    save_filters(random_tensors("conv2_1"), path)
    return path


@pytest.fixture
def fast(style: Path, filters: Path) -> list[str]:
    """Words that paint as quickly as can be."""
    text = (
        "--steps 1 --frame-steps 1 --scales 1 --loss sums --device cpu --style-layers conv1_1 --content-layers conv2_1"
    )
    return [*text.split(), "--style", str(style), "--weights", str(filters)]
