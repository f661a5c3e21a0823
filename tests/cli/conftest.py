"""The command line's surroundings, and words that paint in milliseconds."""

from pathlib import Path

import pytest

from tests.front_ends import film, photo, style  # noqa: F401 (fixtures)


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No colours or width from outside, and a cache of filters of its own."""
    for name in ("FORCE_COLOR", "TTY_INTERACTIVE", "TTY_COMPATIBLE", "COLUMNS", "VIDSTYLE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VIDSTYLE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def fast(style: Path, filters: Path) -> list[str]:  # noqa: F811 (a fixture)
    """Words that paint as quickly as can be."""
    text = (
        "--steps 1 --frame-steps 1 --scales 1 --loss sums --device cpu --style-layers conv1_1 --content-layers conv1_1"
    )
    return [*text.split(), "--style", str(style), "--weights", str(filters)]
