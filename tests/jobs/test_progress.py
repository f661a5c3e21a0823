"""The making of a painting as an animation: real jobs with a tiny network and few steps."""

import itertools
from pathlib import Path
from statistics import median

import pytest
import torch
from torch import Tensor

from tests.clips import clip
from tests.jobs.films import Ear, leftovers
from tests.pictures import clouds, random_filters
from vidstyle.errors import SettingsError, SinkError, VidstyleError
from vidstyle.jobs.progress import Progress, ProgressRecorder
from vidstyle.jobs.run import show_progress, stylize
from vidstyle.media.images import load_picture, resize, save_picture
from vidstyle.media.probe import probe
from vidstyle.media.source import open_video
from vidstyle.painting.painter import Painter
from vidstyle.settings import Settings


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    save_picture(tmp_path / "photo.png", clouds(60, 80))
    return tmp_path / "photo.png"


@pytest.fixture
def many(settings: Settings) -> Settings:
    return settings.replace(steps=12)


def frames_of(path: Path) -> list[Tensor]:
    with open_video(path) as film:
        return [frame.image for frame in film]


def distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().mean())


def test_an_animation_of_a_painting_and_nothing_else(tmp_path: Path, photo: Path, many: Settings, style: Path) -> None:
    """It goes from near the picture to the painting, evenly, at the painting's size."""
    ear = Ear()
    summary = show_progress(photo, [style], settings=many, listener=ear)
    out = tmp_path / "photo_stripes.gif"
    assert leftovers(tmp_path, [photo]) == [out]
    assert summary.progress is not None
    assert (summary.out, summary.progress.path, summary.steps) == (out, out, 12)
    assert ear.stages[-1] == "writing the animation"
    painting = load_picture(stylize(photo, [style], settings=many).out).image
    frames = frames_of(out)
    assert len(frames) == summary.progress.kept.frames
    assert frames[0].shape == painting.shape
    assert distance(frames[-1], painting) < 0.03
    assert distance(frames[0], painting) > 2 * distance(frames[-1], painting)
    changes = [float((after - before).square().mean().sqrt()) for before, after in itertools.pairwise(frames)]
    assert max(changes) <= 3 * median(changes)
    assert probe(out).seconds == pytest.approx((len(frames) - 1) * 0.08 + 2)


def test_a_picture_and_its_animation_are_of_one_painting(
    tmp_path: Path, photo: Path, many: Settings, style: Path
) -> None:
    plain = stylize(photo, [style], tmp_path / "plain.png", many)
    summary = stylize(photo, [style], tmp_path / "out.png", many, progress=tmp_path / "out.webp")
    assert plain.progress is None
    assert summary.progress is not None
    assert summary.steps == plain.steps
    assert torch.equal(load_picture(plain.out).image, load_picture(summary.out).image)
    assert distance(frames_of(tmp_path / "out.webp")[-1], load_picture(summary.out).image) < 0.03


def test_the_original_and_the_styles_stand_beside(tmp_path: Path, photo: Path, many: Settings, style: Path) -> None:
    """Original above style, whole and in their shapes, as high as the painting together."""
    out = tmp_path / "a.gif"
    show_progress(photo, [style], Progress(out, beside=True), many)
    frames = frames_of(out)
    height, width = frames[0].shape[1:]
    assert height == 60
    wide = width - 80 - 4
    rows = round(wide * 60 / 80)
    for frame in (frames[0], frames[-1]):
        assert distance(frame[:, :rows, 84:], resize(clouds(60, 80), (rows, wide))) < 0.06
        below = resize(load_picture(style).image, (height - rows - 4, wide))
        assert distance(frame[:, rows + 4 :, 84:], below) < 0.06
        assert distance(frame[:, :, 80:84], torch.ones(())) < 0.05


def test_the_curve_is_drawn_into_the_corner(tmp_path: Path, photo: Path, many: Settings, style: Path) -> None:
    plain, curved = tmp_path / "plain.webp", tmp_path / "curved.webp"
    show_progress(photo, [style], plain, many)
    show_progress(photo, [style], Progress(curved, curve=True), many)
    for one, other in zip(frames_of(plain), frames_of(curved), strict=True):
        assert distance(one[:, 46:58, 48:78], other[:, 46:58, 48:78]) > 0.05
        assert distance(one[:, :, :44], other[:, :, :44]) < 0.03


@pytest.mark.parametrize("ending", [".gif", ".webp", ".mp4"])
def test_a_bound_is_kept(tmp_path: Path, photo: Path, many: Settings, style: Path, ending: str) -> None:
    whole, small = tmp_path / f"whole{ending}", tmp_path / f"small{ending}"
    full = show_progress(photo, [style], whole, many).progress
    assert full is not None
    kept = show_progress(photo, [style], Progress(small, max_mb=full.bytes / 2e6), many).progress
    assert kept is not None
    assert small.stat().st_size == kept.bytes <= full.bytes / 2
    assert (kept.full, kept.max_bytes) == (full.full, full.bytes // 2)
    assert kept.kept.frames < full.kept.frames


@pytest.mark.parametrize(("width", "expected"), [(64, (48, 64)), (79, (59, 79)), (2000, (60, 80))])
def test_a_width(
    tmp_path: Path, photo: Path, settings: Settings, style: Path, width: int, expected: tuple[int, int]
) -> None:
    """Nothing is enlarged."""
    show_progress(photo, [style], Progress(tmp_path / "a.gif", width=width), settings)
    assert probe(tmp_path / "a.gif").size == expected


def test_large_paintings_are_shown_smaller(tmp_path: Path, settings: Settings, style: Path) -> None:
    save_picture(tmp_path / "wide.png", clouds(40, 600))
    show_progress(tmp_path / "wide.png", [style], tmp_path / "a.gif", settings.replace(steps=1))
    assert probe(tmp_path / "a.gif").size == (34, 512)


def test_all_scales_are_shown_at_the_final_size(tmp_path: Path, settings: Settings, style: Path) -> None:
    save_picture(tmp_path / "photo.png", clouds(80, 96))
    summary = show_progress(tmp_path / "photo.png", [style], tmp_path / "a.gif", settings.replace(scales=2))
    assert summary.steps == 5
    assert {tuple(frame.shape) for frame in frames_of(tmp_path / "a.gif")} == {(3, 80, 96)}


def test_a_single_step_can_be_shown(tmp_path: Path, photo: Path, settings: Settings, style: Path) -> None:
    for ending in (".gif", ".webp", ".mp4"):
        out = tmp_path / f"a{ending}"
        show_progress(photo, [style], out, settings.replace(steps=1))
        assert probe(out).seconds == pytest.approx(2.08)


def test_whatever_tells_steps_can_be_shown(tmp_path: Path) -> None:
    """Without a job: a painter, and a recorder that is told its steps."""
    settings = Settings(
        style_layers="conv1_1", content_layers="conv2_1", steps=4, scales=1, init="random", optimizer="lbfgs"
    )
    painter = Painter([clouds(48, 64, seed=4, grain=4)], random_filters("conv2_1"), settings)
    recorder = ProgressRecorder(Progress(tmp_path / "a.webp"), (44, 52))
    painted = painter.paint(clouds(44, 52), recorder.step)
    flipbook = recorder.write(painted.image)
    assert flipbook.full == flipbook.kept
    assert distance(frames_of(flipbook.path)[-1], painted.image) < 0.03


REFUSED = [
    ({"progress": "a.png"}, SinkError, "use .gif or .webp or .mp4"),
    ({"progress": "there.gif"}, SinkError, "exists already"),
    ({"progress": "no/folder/a.gif"}, SinkError, "there is no folder"),
    ({"progress": "photo.webp", "source": "photo.webp", "overwrite": True}, SinkError, "what it is painted from"),
    ({"source": "clip.mp4"}, SettingsError, "only the painting of one picture"),
    ({"source": "folder"}, SettingsError, "only the painting of one picture"),
    ({"source": "there.gif"}, SettingsError, "only the painting of one picture"),
]


@pytest.mark.parametrize(("change", "error", "message"), REFUSED)
@pytest.mark.parametrize("alone", [True, False])
def test_what_cannot_be_shown_is_told_before_anything_slow(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    style: Path,
    change: dict[str, object],
    error: type[VidstyleError],
    message: str,
    alone: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("photo.png", "photo.webp", "folder/a.png"):
        Path(name).parent.mkdir(exist_ok=True)
        save_picture(name, clouds(40, 48))
    clip(Path("clip.mp4"), count=2, size=(48, 64))
    ear = Ear()
    show_progress("photo.png", [style], "there.gif", settings.replace(steps=1))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    arguments = {"source": "photo.png", "progress": "a.gif", "styles": [style], "settings": settings, **change}
    with pytest.raises(error, match=message) as caught:
        (show_progress if alone else stylize)(**arguments, listener=ear)  # type: ignore[arg-type, operator]
    assert "\n" not in str(caught.value)
    assert (ear.outlines, ear.stages) == ([], [])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_the_painting_and_its_animation_have_names_of_their_own(photo: Path, settings: Settings, style: Path) -> None:
    out = photo.with_name("a.webp")
    with pytest.raises(SinkError, match="is the painting itself"):
        stylize(photo, [style], out, settings, progress=out)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"max_mb": 0.0}, "--max-mb should be above 0"),
        ({"max_mb": float("nan")}, "--max-mb"),
        ({"width": 8}, "--width"),
    ],
)
def test_numbers_that_cannot_be(wish: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Progress(Path("a.gif"), **wish)  # type: ignore[arg-type]


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


def test_ctrl_c_leaves_no_half_file(tmp_path: Path, photo: Path, many: Settings, style: Path) -> None:
    out, gif = tmp_path / "out.png", tmp_path / "out.gif"
    for listener, left in ((Stops(step=5), []), (Stops(stage="writing the animation"), [out])):
        with pytest.raises(KeyboardInterrupt):
            stylize(photo, [style], out, many, progress=gif, listener=listener)
        assert leftovers(tmp_path, [photo]) == left
    with pytest.raises(KeyboardInterrupt):
        show_progress(photo, [style], gif, many, listener=Stops(stage="writing the animation"))
    assert leftovers(tmp_path, [photo, out]) == []
