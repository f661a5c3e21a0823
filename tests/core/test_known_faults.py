"""Losses that are no numbers, and memory that is not enough: never a broken frame, one sentence."""

import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.images import clouds, random_filters, stripes
from tests.refusals import refused
from vidstyle.core import device as memory
from vidstyle.core.device import PER_PIXEL, check_memory, free_memory, long_side_within, memory_for, needed
from vidstyle.core.frame_style import Frame
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import stylize_image
from vidstyle.core.stylize_video import paint_frames
from vidstyle.errors import PaintingError
from vidstyle.settings.settings import Settings

QUICK = Settings(
    style_layers="conv1_1", content_layers="conv2_1", steps=4, frame_steps=2, every=1, scales=1, keep_colors="free"
)
CPU = torch.device("cpu")


def model_that_overflows_above(brightness: float) -> StyleModel:
    """Filters that see red only: what is brighter than that gives infinite activations, all else small ones."""
    filters = random_filters("conv2_1")
    tensors = {name: tensor.clone() * 0.1 for name, tensor in filters.tensors.items()}
    weight, bias = tensors["features.0.weight"], tensors["features.0.bias"]
    weight[0], bias[0] = 0, 0
    weight[0, 0, 1, 1] = 1e38
    red = (brightness - 0.485) / 0.229  # as the network is given it
    bias[0] = -1e38 * red
    tensors["features.2.weight"][:, 0] = 0
    tensors["features.2.weight"][0, 0] = 1e30
    return StyleModel.of([0.2 * stripes(48, 64)], replace(filters, tensors=tensors), QUICK)


def film(bright: int) -> Iterator[Frame]:
    """Eight dark frames that move a little, one of them with a bright spot."""
    whole = 0.3 * clouds(48, 64, seed=3)
    for index in range(8):
        image = whole.roll(index, 2)
        if index == bright:
            image[0, 20:24, 30:34] = 1.0
        yield Frame(index, index / 25, image)


def test_a_frame_whose_loss_is_no_number_keeps_the_paint_before(caplog: pytest.LogCaptureFixture) -> None:
    """The frame is not broken, and the ones after it are painted as if it had been a usual one."""
    model = model_that_overflows_above(0.6)
    painted = [one.painted for one in paint_frames(model, film(bright=4))]
    assert all(torch.isfinite(one.image).all() and one.image.min() >= 0 and one.image.max() <= 1 for one in painted)
    assert math.isnan(float(painted[4].losses.total))
    assert all(math.isfinite(float(one.losses.total)) for n, one in enumerate(painted) if n != 4)
    messages = [record.getMessage() for record in caplog.records]
    assert sum("diverged" in message for message in messages) == 1
    moved = painted[3].image.roll(1, 2)
    assert float((painted[4].image - moved)[:, 4:-4, 4:-4].abs().mean()) < 0.03  # the paint went along


def test_a_first_frame_whose_loss_is_no_number_is_one_sentence() -> None:
    model = model_that_overflows_above(0.6)
    bright = clouds(48, 64)
    bright[0] = 1
    with refused("VS604") as caught:
        stylize_image(model, bright)
    assert "\n" not in str(caught.value)


def test_weights_that_overflow_are_one_sentence() -> None:
    with refused("VS604"):
        stylize_image(
            StyleModel.of([stripes(48, 64)], random_filters("conv2_1"), QUICK.replace(style_weight=1e38)),
            clouds(48, 64),
        )


def test_bounded_steps_take_over(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """L-BFGS that ends far above its start is followed by the quasi-Newton method, which goes down."""
    monkeypatch.setattr("vidstyle.core.optimizers.WORSE", 0.0)  # whatever it reaches counts as astray
    model = StyleModel.of([stripes(48, 64)], random_filters("conv2_1"), QUICK.replace(optimizer="lbfgs"))
    losses: list[float] = []
    steps: list[float] = []

    def heard(step: object) -> None:
        losses.append(float(step.losses.total))  # type: ignore[attr-defined]
        steps.append(step.progress)  # type: ignore[attr-defined]

    painted = stylize_image(model, clouds(48, 64), heard)
    assert "bounded steps" in caplog.text
    assert float(painted.losses.total) < losses[0]
    assert max(steps) == pytest.approx(1.0)


def test_memory_that_is_not_enough_names_a_size_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    free = 4e9
    monkeypatch.setattr(memory, "free_memory", lambda _: free)
    with pytest.raises(PaintingError) as caught, memory_for((3000, 4000), CPU):
        raise torch.OutOfMemoryError("CUDA out of memory")
    assert caught.value.code == "VS602"
    side = int(str(caught.value).split("--size ")[1].split()[0])
    assert PER_PIXEL * side * side * 3 / 4 <= free < PER_PIXEL * (side + 32) ** 2 * 3 / 4


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="inconsistent tensor size"), memory_for((1, 1), CPU):
        torch.zeros(2) @ torch.zeros(3)


@pytest.mark.parametrize("free", [2e9, 5e9, 40e9])
def test_what_fits_is_allowed_and_what_does_not_is_told_before(free: float) -> None:
    size = (3000, 4000)
    if needed(size) <= free:
        check_memory(size, free)
        return
    with pytest.raises(PaintingError) as caught:
        check_memory(size, free)
    assert caught.value.code == "VS601"
    side = long_side_within(size, free - memory.BASE)
    check_memory((side * 3 // 4, side), free)


def test_free_memory_is_that_of_the_system() -> None:
    assert 1e8 < free_memory(CPU) < 1e14


def test_free_memory_is_what_a_container_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that the system keeps copies of count as used there, and are not in the way."""
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    for name, text in (("max", "1000000\n"), ("current", "900000\n"), ("stat", "anon 1\nfile 700000\nshmem 100000\n")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert free_memory(CPU) == 700_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(CPU) > 1e8


LIMITED = """
import resource, torch
from tests.core.test_known_faults import QUICK, StyleModel, clouds, random_filters, stripes, stylize_image
from vidstyle.core.device import free_memory
model = StyleModel.of([stripes(48, 64)], random_filters("conv2_1"), QUICK)
stylize_image(model, clouds(48, 64))
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 400_000_000, resource.RLIM_INFINITY))
assert free_memory(torch.device("cpu")) < 400_000_001
stylize_image(model, torch.zeros(3, 1500, 2000))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux's rlimits")
def test_a_process_whose_memory_is_really_full() -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("vidstyle.errors.PaintingError: ")
    assert "2000x1500" in last
    assert 200 < int(last.split("--size ")[1].split()[0]) < 1500
