"""What jobs are tested with: quick settings and a style."""

from pathlib import Path

import pytest

from tests.pictures import clouds, random_tensors
from vidstyle.core.weights import save_filters
from vidstyle.images import save_picture
from vidstyle.settings.settings import Settings


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Quick to paint: two shallow layers, one scale, hardly any steps."""
    weights = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_filters(random_tensors("conv2_1"), weights)
    return Settings(
        style_layers="conv1_1", content_layers="conv2_1", steps=2, frame_steps=1, scales=1, weights=str(weights)
    )


@pytest.fixture(scope="session")
def style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("style") / "stripes.png"
    save_picture(path, clouds(48, 64, seed=4, grain=4))
    return path
