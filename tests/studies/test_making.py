"""The making of a painting as an animation: real jobs with a tiny network and few steps."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.clips import clip
from tests.films import Ear, leftovers
from tests.images import clouds, random_filters
from tests.refusals import refused
from vidstyle.api import show_progress, stylize
from vidstyle.core.losses import Losses
from vidstyle.core.sizes import resize
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import Step, stylize_image
from vidstyle.images import load_image, save_image
from vidstyle.jobs.events import Listener, Listeners
from vidstyle.settings.settings import Settings
from vidstyle.studies.making import Progress, ProgressRecorder
from vidstyle.video.flipbook import Flipbook
from vidstyle.video.probe import probe
from vidstyle.video.reader import open_video

PHOTO, STYLE = clouds(60, 80), clouds(48, 64, seed=4, grain=4)
SIZE = (60, 80)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    save_image(tmp_path / "photo.png", PHOTO)
    return tmp_path / "photo.png"


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Without a balance to find."""
    return settings.replace(steps=12, loss="sums")


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    """All of a painting of PHOTO like STYLE."""
    found: list[Step] = []
    settings = Settings(style_layers="conv1_1", content_layers="conv2_1", steps=15, scales=1, loss="sums")
    stylize_image(StyleModel.of([STYLE], random_filters("conv2_1"), settings), PHOTO, found.append)
    return found


def shown(steps: Sequence[Step], path: Path, **wish: Any) -> Flipbook:
    """The animation of a painting, without any job."""
    recorder = ProgressRecorder(Progress(path, **wish), SIZE, [PHOTO, STYLE])
    for step in steps:
        recorder.step(step)
    return recorder.write(steps[-1].image)


def frames_of(path: Path) -> list[Tensor]:
    with open_video(path) as film:
        return [frame.image for frame in film]


def distance(one: Tensor, other: Tensor) -> float:
    """Of grey values: WebP and MP4 keep colours at half the size."""
    return float((one.mean(0) - other.mean(0)).abs().mean())


def test_an_animation_of_a_painting_and_nothing_else(tmp_path: Path, photo: Path, quick: Settings, style: Path) -> None:
    """It goes from near the image to the painting, evenly, at the painting's size."""
    ear, steps = Ear(), StepsOf()
    summary = show_progress(photo, [style], settings=quick, listener=Listeners(ear, steps))
    out = tmp_path / "photo_stripes.gif"
    assert leftovers(tmp_path, [photo]) == [out]
    assert summary.progress is not None
    assert (summary.out, summary.progress.path, summary.steps) == (out, out, 12)
    assert ear.stages[-1] == "writing the animation"
    frames = frames_of(out)
    assert len(frames) == summary.progress.kept.frames
    assert frames[0].shape == PHOTO.shape
    for frame, step in ((frames[0], steps.all[0]), (frames[-1], steps.all[-1])):
        assert distance(frame, step.image) < 0.04
    assert distance(frames[-1], steps.all[0].image) > 1.2 * distance(frames[0], steps.all[0].image)
    changes = [float((after - before).square().mean().sqrt()) for before, after in itertools.pairwise(frames)]
    assert max(changes) <= 3 * median(changes)
    assert probe(out).seconds == pytest.approx((len(frames) - 1) * 0.08 + 2)


def test_an_image_and_its_animation_are_of_one_painting(
    tmp_path: Path, photo: Path, quick: Settings, style: Path
) -> None:
    plain = stylize(photo, [style], tmp_path / "plain.png", quick)
    summary = stylize(photo, [style], tmp_path / "out.png", quick, progress=tmp_path / "out.webp")
    assert plain.progress is None
    assert summary.progress is not None
    assert summary.steps == plain.steps
    assert torch.equal(load_image(plain.out).rgb, load_image(summary.out).rgb)
    assert distance(frames_of(tmp_path / "out.webp")[-1], load_image(summary.out).rgb) < 0.03


def test_the_original_and_the_styles_stand_beside(tmp_path: Path, steps: list[Step]) -> None:
    """Original above style, whole and in their shapes, as high as the painting together."""
    shown(steps, tmp_path / "a.gif", beside=True)
    frames = frames_of(tmp_path / "a.gif")
    height, width = frames[0].shape[1:]
    assert height == 60
    wide = width - 80 - 4
    rows = round(wide * 60 / 80)
    for frame in (frames[0], frames[-1]):
        assert distance(frame[:, :rows, 84:], resize(PHOTO, (rows, wide))) < 0.05
        assert distance(frame[:, rows + 4 :, 84:], resize(STYLE, (height - rows - 4, wide))) < 0.05
        assert distance(frame[:, :, 80:84], torch.ones(3, 1, 1)) < 0.05


def test_the_curve_is_drawn_into_the_corner(tmp_path: Path, steps: list[Step]) -> None:
    shown(steps, tmp_path / "plain.gif")
    shown(steps, tmp_path / "curved.gif", curve=True)
    plain, curved = (frames_of(tmp_path / name) for name in ("plain.gif", "curved.gif"))
    for one, other in zip(plain, curved, strict=True):
        assert distance(one[:, 46:58, 48:78], other[:, 46:58, 48:78]) > 0.05
        assert distance(one[:, :, :44], other[:, :, :44]) < 0.03


@pytest.mark.parametrize("ending", [".gif", ".webp", ".mp4"])
def test_a_bound_is_kept(tmp_path: Path, steps: list[Step], ending: str) -> None:
    whole = shown(steps, tmp_path / f"whole{ending}")
    small = shown(steps, tmp_path / f"small{ending}", max_mb=whole.bytes / 2e6)
    assert small.path.stat().st_size == small.bytes <= whole.bytes / 2
    assert small.full == whole.full
    assert small.kept.frames < whole.kept.frames


@pytest.mark.parametrize(("width", "expected"), [(64, (48, 64)), (79, (59, 79)), (2000, SIZE)])
def test_a_width(tmp_path: Path, steps: list[Step], width: int, expected: tuple[int, int]) -> None:
    """Nothing is enlarged."""
    shown(steps, tmp_path / "a.gif", width=width)
    assert probe(tmp_path / "a.gif").size == expected


def test_a_width_is_that_of_all(tmp_path: Path, steps: list[Step]) -> None:
    assert shown(steps, tmp_path / "a.gif", width=100, beside=True).kept.width == 100
    assert probe(tmp_path / "a.gif").size[1] == 100


def test_large_paintings_are_shown_smaller(tmp_path: Path) -> None:
    recorder, wide = ProgressRecorder(Progress(tmp_path / "a.gif"), (40, 600)), clouds(40, 600)
    recorder.step(Step(1, 1, 1.0, wide, Losses()))
    recorder.write(wide)
    assert probe(tmp_path / "a.gif").size == (34, 512)


def test_all_scales_are_shown_at_the_final_size(tmp_path: Path, quick: Settings, style: Path) -> None:
    save_image(tmp_path / "photo.png", clouds(80, 96))
    steps = StepsOf()
    show_progress(tmp_path / "photo.png", [style], tmp_path / "a.gif", quick.replace(steps=2, scales=2), listener=steps)
    assert {tuple(step.image.shape) for step in steps.all} == {(3, 40, 48), (3, 80, 96)}
    assert {tuple(frame.shape) for frame in frames_of(tmp_path / "a.gif")} == {(3, 80, 96)}


def test_a_single_step_can_be_shown(tmp_path: Path, steps: list[Step]) -> None:
    for ending in (".gif", ".mp4"):
        out = shown(steps[:1], tmp_path / f"a{ending}").path
        assert probe(out).seconds == pytest.approx(2.08)
    with Image.open(shown(steps[:1], tmp_path / "a.webp").path) as file:
        assert file.size == (80, 60)


def test_it_ends_with_the_painting_also_where_the_last_step_is_another(tmp_path: Path) -> None:
    """As those of L-BFGS are, which looks about."""
    settings = Settings(
        style_layers="conv1_1", content_layers="conv2_1", steps=4, scales=1, loss="sums", optimizer="lbfgs"
    )
    model = StyleModel.of([STYLE], random_filters("conv2_1"), settings)
    recorder = ProgressRecorder(Progress(tmp_path / "a.gif"), (44, 52))
    painted = stylize_image(model, clouds(44, 52), recorder.step)
    assert distance(frames_of(recorder.write(painted.image).path)[-1], painted.image) < 0.03


REFUSED = [
    ({"progress": "a.png"}, "VS414"),
    ({"progress": "there.gif"}, "VS402"),
    ({"progress": "no/folder/a.gif"}, "VS417"),
    ({"progress": "photo.webp", "source": "photo.webp", "overwrite": True}, "VS406"),
    ({"source": "clip.mp4"}, "VS266"),
    ({"source": "folder"}, "VS266"),
    ({"source": "there.gif"}, "VS266"),
]


@pytest.mark.parametrize(("change", "code"), REFUSED)
@pytest.mark.parametrize("alone", [True, False])
def test_what_cannot_be_shown_is_told_before_anything_slow(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    style: Path,
    change: dict[str, object],
    code: str,
    alone: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("photo.png", "photo.webp", "folder/a.png"):
        Path(name).parent.mkdir(exist_ok=True)
        save_image(name, clouds(40, 48))
    clip(Path("clip.mp4"), count=2, size=(48, 64))
    ear = Ear()
    first, *rest = (Image.new("RGB", (48, 40), colour) for colour in ("red", "blue"))
    first.save("there.gif", save_all=True, append_images=rest)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    arguments = {"source": "photo.png", "progress": "a.gif", "styles": [style], "settings": settings, **change}
    with refused(code) as caught:
        (show_progress if alone else stylize)(**arguments, listener=ear)  # type: ignore[arg-type, operator]
    assert "\n" not in str(caught.value)
    assert (ear.outlines, ear.stages) == ([], [])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_the_painting_and_its_animation_have_names_of_their_own(photo: Path, settings: Settings, style: Path) -> None:
    out = photo.with_name("a.webp")
    with refused("VS406"):
        stylize(photo, [style], out, settings, progress=out)


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ({"max_mb": 0.0}, "--max-mb"),
        ({"max_mb": float("nan")}, "--max-mb"),
        ({"width": 8}, "--width"),
    ],
)
def test_numbers_that_cannot_be(wish: dict[str, float], name: str) -> None:
    with refused("VS244", name):
        Progress(Path("a.gif"), **wish)  # type: ignore[arg-type]


class StepsOf(Listener):
    """Keeps the steps."""

    def __init__(self) -> None:
        self.all: list[Step] = []

    def step(self, step: Step) -> None:
        self.all.append(step)


class Stops(Ear):
    """Ctrl-C where one of these is told."""

    def __init__(self, stage: str = "", step: int = 0) -> None:
        super().__init__()
        self._stage, self._step = stage, step

    def working(self, what: str, done: float, count: float) -> None:
        if what == self._stage:
            raise KeyboardInterrupt

    def step(self, step: object) -> None:
        if getattr(step, "number", 0) == self._step:
            raise KeyboardInterrupt


def test_ctrl_c_leaves_no_half_file(tmp_path: Path, photo: Path, quick: Settings, style: Path) -> None:
    out, gif = tmp_path / "out.png", tmp_path / "out.gif"
    for listener, left in ((Stops(step=5), []), (Stops(stage="writing the animation"), [out])):
        with pytest.raises(KeyboardInterrupt):
            stylize(photo, [style], out, quick, progress=gif, listener=listener)
        assert leftovers(tmp_path, [photo]) == left
    with pytest.raises(KeyboardInterrupt):
        show_progress(photo, [style], gif, quick, listener=Stops(stage="writing the animation"))
    assert leftovers(tmp_path, [photo, out]) == []
