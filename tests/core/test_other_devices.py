"""What a GPU would refuse, and what it would be waited for: painting on a pretended device, against the CPU."""

import cv2
import pytest
import torch
from torch import Tensor

from tests.cameras import camera_of, jpeg
from tests.core.pretended import Counts, MixedError, Pretended, pretended
from tests.images import clouds, random_filters
from tests.live.scenes import view
from vidstyle.core.blur import blurred, convolved
from vidstyle.core.flow import lanczos, nearest, warp
from vidstyle.core.frame_style import PLAIN, Exposure, Frame, FrameStyle
from vidstyle.core.pixels import to_array
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import stylize_image
from vidstyle.core.stylize_video import paint_frames
from vidstyle.live.painting import LivePainting, steerable
from vidstyle.live.scaling import Pace
from vidstyle.settings.settings import Settings
from vidstyle.video.camera import Camera, Snap

SMALL = Settings(
    style_layers="conv1_1,conv2_1", content_layers="conv2_1", steps=3, frame_steps=2, scales=2, precision="fp32"
)
FILTERS = random_filters("conv2_1")  # with deeper layers the CPU convolves another way
STYLES = [clouds(40, 40, seed=2), clouds(40, 48, seed=3, grain=3)]
SCENE = clouds(64, 100, seed=5, grain=6)
CONTENT = SCENE[:, :, :72]
LEFT = (torch.arange(72) < 40).float().expand(1, 64, 72)
PLACES = torch.cat([LEFT, 1 - LEFT])
ROUNDED = {"cuda": 1e-6, "mps": 1e-3}  # of 0..1, at most: MPS has no doubles for the lengths of steps
READS_BETWEEN = 12  # of a following frame, from the last step of the one before to its own first, both included


@pytest.fixture(params=["cuda", "mps"])
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def model(settings: Settings = SMALL, device: str = "cpu", memory: float = 1e12, **rest: object) -> StyleModel:
    return StyleModel.of(STYLES, FILTERS, settings, device=device, memory=memory, balance=0.1, **rest)


def on_cpu(image: Tensor) -> Tensor:
    return image.held if isinstance(image, Pretended) else image


def apart(a: Tensor, b: Tensor) -> float:
    return float((on_cpu(a) - on_cpu(b)).abs().max())


def test_devices_do_not_mix() -> None:
    with pretended("cuda"):
        there, here = torch.ones(3).to("cuda"), torch.ones(3)
        assert (there + torch.tensor(1.0)).device == torch.device("cuda")  # scalars may
        for mix in (lambda: there + here, lambda: torch.where(here > 0, there, 0), lambda: torch.stack([there, here])):
            with pytest.raises(MixedError):
                mix()
        with pytest.raises(TypeError):
            there.numpy()


READING = {
    "item": lambda x: x[0].item(),
    "float": lambda x: float(x[0]),
    "bool": lambda x: bool(x[0] > 0),
    "tolist": lambda x: x.tolist(),
    "cpu": lambda x: x.cpu(),
    "equal": lambda x: torch.equal(x, x),
    "mask": lambda x: x[x > 0],
    "nonzero": lambda x: (x > 0).nonzero(),
}


@pytest.mark.parametrize("way", READING)
def test_what_is_waited_for_is_counted(way: str) -> None:
    with pretended("cuda") as counts:
        there = torch.ones(3).to("cuda")
        assert not counts.reads
        READING[way](there)
        assert counts.reads == 1


STATISTICS = {  # by the name of a style loss, what is read of each style layer in a step
    "gram": 0,
    "covariance": 0,
    "wasserstein2": 1,  # eigenvalues are found on the CPU
    "histogram": 0,
    "sliced": 0,
}


@pytest.mark.parametrize(("loss", "device"), [*((loss, "cuda") for loss in STATISTICS), ("covariance", "mps")])
def test_a_first_frame_is_that_of_the_cpu_and_its_steps_are_not_waited_for(loss: str, device: str) -> None:
    settings = SMALL.replace(style_loss=loss)
    expected = stylize_image(model(settings), CONTENT)
    with pretended(device) as counts:
        painter, seen = model(settings, device), list[tuple[int, int]]()
        found = stylize_image(painter, CONTENT, lambda step: seen.append((step.image.shape[1], counts.reads)))
    assert found.image.device.type == device
    assert apart(found.image, expected.image) <= (ROUNDED[device] if device == "mps" else 0)
    assert found.losses.total == pytest.approx(expected.losses.total)
    of_each = STATISTICS[loss] * len(settings.style_layer_weights)
    assert between(seen) == {of_each}


def between(seen: list[tuple[int, int]]) -> set[int]:
    """The reads between two steps at one size, except the first of it, of all (size, reads before it) that are told."""
    steps = list(zip(seen, seen[1:], seen[2:], strict=False))
    return {after[1] - now[1] for before, now, after in steps if before[0] == now[0] == after[0]}


LOOKS = {
    "mask": FrameStyle(mask=LEFT),
    "places": FrameStyle(places=PLACES),
    "shares": FrameStyle(shares=(0.3, 0.7)),
    "dark": FrameStyle(exposure=Exposure((0.5, 0.5, 0.5), (0.1, 0.0, 0.0), 0.5, 0.1)),
    "strokes": FrameStyle(paint=0.6),
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("loss", "device"), [("gram", "mps"), ("histogram", "cuda")])
def test_looks_are_those_of_the_cpu(look: str, loss: str, device: str) -> None:
    settings = SMALL.replace(style_loss=loss, keep_colors="luminance", tv_weight=0.1)
    expected = stylize_image(model(settings), CONTENT, None, LOOKS[look])
    with pretended(device):
        found = stylize_image(model(settings, device), CONTENT, None, LOOKS[look])
    assert apart(found.image, expected.image) <= ROUNDED[device]


@pytest.mark.parametrize(
    "changes", [{"optimizer": "lbfgs"}, {"init": "random"}, {"loss": "sums"}, {"precision": "fp16"}], ids=str
)
def test_other_settings_are_those_of_the_cpu(changes: dict[str, str], device: str) -> None:
    settings = SMALL.replace(scales=1, **changes)
    expected = stylize_image(model(settings), CONTENT)
    with pretended(device):
        found = stylize_image(model(settings, device), CONTENT)
    assert apart(found.image, expected.image) <= ROUNDED[device]


def test_a_texture_that_wraps_is_that_of_the_cpu(device: str) -> None:
    settings, nothing = SMALL.replace(content_weight=0.0, init="random"), torch.zeros(3, 64, 64)
    expected = stylize_image(model(settings, wraps=True), nothing)
    with pretended(device):
        found = stylize_image(model(settings, device, wraps=True), nothing)
    assert apart(found.image, expected.image) <= ROUNDED[device]


def test_tiles_are_those_of_the_cpu(device: str) -> None:
    settings, content = SMALL.replace(scales=1, steps=2, style_loss="covariance"), clouds(32, 140)
    expected = stylize_image(model(settings, memory=1.0), content)
    with pretended(device):
        found = stylize_image(model(settings, device, memory=1.0), content)
    assert apart(found.image, expected.image) <= 1e-3  # MPS has no doubles to sum tiles in


@pytest.mark.parametrize(
    ("device", "passes", "look"),
    [("cuda", 1, LOOKS["places"]), ("cuda", 2, PLAIN), ("mps", 1, PLAIN)],
    ids=["places", "passes", "plain"],
)
def test_following_frames_are_those_of_the_cpu(device: str, passes: int, look: FrameStyle) -> None:
    """But for places that OpenCV rounds to 1/32 pixel."""
    settings = SMALL.replace(passes=passes)
    frames = [Frame(i, i / 24, SCENE[:, :, 5 * i : 5 * i + 72].clone(), look=look) for i in range(3)]
    expected = list(paint_frames(model(settings), frames))
    with pretended(device):
        found = list(paint_frames(model(settings, device), frames))
    for one, other in zip(found, expected, strict=True):
        assert one.painted.steps == other.painted.steps
        assert float((on_cpu(one.painted.image) - other.painted.image).abs().mean()) < 0.5 / 255


def test_following_frames_are_waited_for_a_few_times(device: str) -> None:
    frames = [Frame(i, i / 24, SCENE[:, :, 5 * i : 5 * i + 72].clone()) for i in range(4)]
    reads: list[list[int]] = [[]]
    with pretended(device) as counts:
        painter = model(SMALL.replace(frame_steps=4, every=1), device)
        for _ in paint_frames(painter, frames, lambda _: reads[-1].append(counts.reads)):
            reads.append([])
    _, second, third, fourth, _ = reads
    assert second[-1] - second[1] <= len(second) - 2  # one number a step, the level
    assert third[0] - second[-1] <= READS_BETWEEN
    assert fourth[0] - third[-1] <= READS_BETWEEN


def live_frames(device: str, count: int) -> list[Tensor]:
    painter = steerable(model(SMALL.replace(look_back="1", scales=1), device))
    with camera_of(lambda _: jpeg(view(40)), rate=30) as server, Camera(server.url) as camera:
        painting = LivePainting(painter, camera, Pace((72, 80), 10.0, 1e-6, fixed=True))
        images = [painting.painted(Snap(view(40 + 2 * i), i, float(i))) for i in range(count)]
    return [torch.from_numpy(image.pixels).float() for image in images]


def test_live_images_are_those_of_the_cpu(device: str) -> None:
    expected = live_frames("cpu", 3)
    with pretended(device):
        found = live_frames(device, 3)
    assert all(float((one - other).abs().mean()) < 0.5 for one, other in zip(found, expected, strict=True))


def test_pixels_come_from_any_device(device: str) -> None:
    with pretended(device) as counts:
        assert (to_array(CONTENT.to(device)) == to_array(CONTENT)).all()
    assert counts == Counts(reads=1, uploads=1)


@pytest.mark.parametrize("sigma", [1.5, 2.0])
def test_blur_is_that_of_opencv(sigma: float) -> None:
    image = torch.rand(3, 40, 56, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(convolved(image, sigma), blurred(image, sigma), atol=1e-5)
    assert torch.allclose(convolved(torch.ones(3, 5, 1), sigma), torch.ones(3, 5, 1))  # too short to be reflected


def test_warps_are_those_of_opencv() -> None:
    generator = torch.Generator().manual_seed(0)
    image, flow = torch.rand(3, 20, 30, generator=generator), 8 * torch.rand(20, 30, 2, generator=generator) - 4
    flow = (32 * flow).round() / 32  # where OpenCV rounds nothing
    x, y = torch.arange(30) + flow[..., 0], torch.arange(20)[:, None] + flow[..., 1]
    assert torch.allclose(lanczos(image, x, y), warp(image, flow), atol=1e-5)
    assert torch.equal(nearest(image, x, y), warp(image, flow, cv2.INTER_NEAREST))


def test_warps_of_the_pretended_device_keep_still_pixels(device: str) -> None:
    flow = torch.zeros(64, 72, 2)
    flow[10:20, 10:20] = torch.tensor((3.3, -1.2))
    with pretended(device):
        warped = warp(CONTENT.to(device), flow)
    still = (flow == 0).all(-1)
    assert torch.equal(on_cpu(warped)[:, still], CONTENT[:, still])
    assert not torch.equal(on_cpu(warped)[:, ~still], CONTENT[:, ~still])
