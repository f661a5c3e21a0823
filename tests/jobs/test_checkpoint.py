"""What outlives the process comes back bit for bit."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.images import clouds, random_filters
from tests.refusals import refused
from vidstyle.core.calibration import calibrated
from vidstyle.core.frame_style import Frame
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import stylize_image
from vidstyle.core.stylize_video import stylize_shots
from vidstyle.jobs.checkpoint import link_bytes, link_of, model_bytes, read_model
from vidstyle.settings.settings import Settings

SETTINGS = Settings(style_layers="conv1_1", content_layers="conv2_1", steps=2, frame_steps=1, scales=1)
STYLE, SCENE = clouds(48, 48, seed=1, grain=3), clouds(48, 90, grain=6)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model() -> StyleModel:
    return calibrated(StyleModel.of([STYLE], random_filters("conv2_1"), SETTINGS), [SCENE[:, :, :64]])


def frames(count: int) -> list[Frame]:
    return [Frame(i, i / 24, SCENE[:, :, 3 * i : 3 * i + 64].clone()) for i in range(count)]


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal to the last bit, tensors and all that they are made of."""
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one == other)


def test_what_a_frame_hands_on(model: StyleModel, tmp_path: Path) -> None:
    *_, link = stylize_shots(model, frames(6))
    (tmp_path / "link").write_bytes(link_bytes(link))
    found = link_of(tmp_path / "link", CPU)
    assert same(link.state.last.losses.numbers(), found.state.last.losses)
    for field in fields(link.state):
        if field.name != "last":
            assert same(getattr(link.state, field.name), getattr(found.state, field.name)), field.name
    assert link.state.last.step_size == found.state.last.step_size
    assert same(link.state.last.image, found.state.last.image)
    assert (found.frame.index, found.frame.seconds) == (5, 5 / 24)
    assert same(found.frame.image, link.frame.image)


def test_a_model_paints_the_same(model: StyleModel, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(model_bytes(model))
    found = read_model(tmp_path / "model", [STYLE], SETTINGS, device=CPU)
    assert found.balance == model.balance
    assert found.filters.sha256 == model.filters.sha256
    assert torch.equal(stylize_image(found, frames(1)[0].image).image, stylize_image(model, frames(1)[0].image).image)


@pytest.mark.parametrize("content", [b"", b"no safetensors", b"\xff" * 100])
def test_a_broken_file_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "link").write_bytes(content)
    with refused("VS519", "link"):
        link_of(tmp_path / "link", CPU)


def test_a_missing_part_is_told(model: StyleModel, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(model_bytes(model))
    with refused("VS519", "model"):
        link_of(tmp_path / "model", CPU)
