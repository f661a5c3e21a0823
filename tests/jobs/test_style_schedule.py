"""Films whose frames do not all look the same."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests import clips
from tests.clips import stream_hashes
from tests.films import Ear, StopsAfter, two_shots
from tests.images import clouds
from tests.refusals import refused
from vidstyle.api import run, stylize
from vidstyle.core.exposure import Scenes
from vidstyle.core.frame_style import Frame
from vidstyle.images import load_image, save_image
from vidstyle.jobs.spec import JobSpec
from vidstyle.jobs.style_schedule import StyleSchedule
from vidstyle.settings.settings import Settings


@pytest.fixture
def styles(tmp_path: Path) -> list[Path]:
    """A red and a blue one."""
    paths = []
    for name, colour in (("red", (0.9, 0.1, 0.1)), ("blue", (0.1, 0.1, 0.9))):
        paths.append(tmp_path / f"{name}.png")
        save_image(paths[-1], torch.tensor(colour).view(3, 1, 1) * (0.5 + 0.5 * clouds(40, 40, grain=3)))
    return paths


@pytest.fixture
def white_left(tmp_path: Path) -> Path:
    mask = torch.zeros(3, 64, 96)
    mask[..., :48] = 1
    save_image(tmp_path / "left.png", mask)
    return tmp_path / "left.png"


def redness(image: Tensor) -> float:
    return float((image[0] - image[2]).mean())


def frame(index: int, seconds: float) -> Frame:
    return Frame(index, seconds, torch.zeros(3, 4, 6))


def looks(settings: Settings, seconds: list[float], styles: int = 2, cuts: tuple[int, ...] = ()) -> list[object]:
    frames = [frame(i, s) for i, s in enumerate(seconds)]
    return [f.look.shares for f in StyleSchedule(settings, styles, Scenes(cuts)).on(frames)]


def test_styles_change_smoothly_between_keys() -> None:
    settings = Settings(style_keys="1s=A, 3s=B")
    assert looks(settings, [0, 1, 2, 3, 4], 3) == [(1, 0, 0), (1, 0, 0), (0.5, 0.5, 0), (0, 1, 0), (0, 1, 0)]


def test_a_film_grows_out_of_its_source_by_strokes(tmp_path: Path, styles: list[Path], settings: Settings) -> None:
    """Whole strokes: pixels are of the source, or of the painting, and hardly any are between."""
    keyed = settings.replace(style_keys="0s=source, 0.5s=A, 0.8s=A, 1s=source", frame_steps=1)
    ear = Ear()
    run(JobSpec.of(two_shots(tmp_path / "clip.mp4"), styles, tmp_path / "out.mp4", keyed), ear)
    shares = [float(((f.painted.image - f.frame.image).abs() > 0).any(0).float().mean()) for f in ear.frames]
    assert shares[0] == 0
    assert shares[12] > 0.9
    assert all(before <= after + 0.05 for before, after in itertools.pairwise(shares[:13]))
    assert 0.3 < shares[6] < 0.7
    assert shares[-1] < 0.5


def test_each_shot_has_the_next_style() -> None:
    settings = Settings(style_per_shot=True)
    assert looks(settings, [0, 1, 2, 3], 2, (1, 2)) == [(1, 0), (0, 1), (1, 0), (1, 0)]


def test_a_job_without_wishes_leaves_frames_as_they_are() -> None:
    one = frame(0, 0)
    assert next(StyleSchedule(Settings(), 2).on([one])) is one


def test_a_film_goes_over_from_style_to_style(tmp_path: Path, styles: list[Path], settings: Settings) -> None:
    """Also where it is still, and without a jump."""
    source = clips.clip(tmp_path / "still.mp4", filters="trim=end_frame=1,loop=29:1", count=30)
    ear = Ear()
    keyed = settings.replace(style_keys="0.2s=A, 0.8s=B", frame_steps=3, content_layers="conv2_1")
    stylize(source, styles, tmp_path / "out.mp4", keyed, listener=ear)
    colours = [redness(one.painted.image) for one in ear.frames]
    assert colours[0] > 0.15
    assert colours[-1] < colours[0] - 0.2
    steps = [abs(b - a) for a, b in itertools.pairwise(colours)]
    assert max(steps) < 0.35 * (colours[0] - colours[-1])


def test_shots_in_turns(tmp_path: Path, styles: list[Path], settings: Settings) -> None:
    source = two_shots(tmp_path / "clip.mp4")
    ear = Ear()
    stylize(source, styles, tmp_path / "out.mp4", settings.replace(style_per_shot=True), listener=ear)
    first, second = (
        [redness(one.painted.image) for one in ear.frames if (one.frame.index < 12) == before]
        for before in (True, False)
    )
    assert min(first) > max(second) + 0.1


def test_a_masked_image_is_the_source_outside(
    tmp_path: Path, styles: list[Path], settings: Settings, white_left: Path
) -> None:
    save_image(tmp_path / "photo.png", clouds(64, 96))
    stylize(tmp_path / "photo.png", styles[:1], tmp_path / "out.png", settings, mask=white_left)
    before, after = (load_image(tmp_path / name).rgb for name in ("photo.png", "out.png"))
    assert torch.equal(after[..., 48:], before[..., 48:])
    assert redness(after[..., :40]) > redness(before[..., :40]) + 0.1


def test_styles_in_their_places(tmp_path: Path, styles: list[Path], settings: Settings, white_left: Path) -> None:
    """The second one has no mask and takes the rest."""
    save_image(tmp_path / "photo.png", clouds(64, 96))
    stylize(tmp_path / "photo.png", styles, tmp_path / "out.png", settings, style_masks=[white_left])
    after = load_image(tmp_path / "out.png").rgb
    assert redness(after[..., :40]) > 0.15 > -0.15 > redness(after[..., 56:])


def moving_mask(path: Path, count: int) -> Path:
    """White on the left of a line that moves to the right."""
    plane = "geq=lum='255*lte(X,16+2*N)':cb=128:cr=128"
    seconds = count / 25
    clips.ffmpeg("-f", "lavfi", "-i", f"color=black:s=96x64:r=25:d={seconds},{plane}", "-crf", "1", path)
    return path


@pytest.mark.parametrize("ways", [{}, {"passes": 2}])
def test_a_mask_may_move_and_the_job_be_stopped(
    tmp_path: Path, styles: list[Path], settings: Settings, ways: dict[str, int]
) -> None:
    source, mask = two_shots(tmp_path / "clip.mp4"), moving_mask(tmp_path / "mask.mp4", 24)
    masked, ear = settings.replace(feather=0.0, **ways), Ear()
    whole, stopped = tmp_path / "whole.mp4", tmp_path / "stopped.mp4"
    stylize(source, styles, whole, masked, mask=mask, listener=ear)
    for number, one in enumerate(ear.frames):
        line = 17 + 2 * number
        assert torch.allclose(one.painted.image[..., line + 2 :], one.frame.image[..., line + 2 :], atol=2e-3)
        assert float((one.painted.image - one.frame.image)[..., : line - 2].abs().mean()) > 0.02
    with pytest.raises(KeyboardInterrupt):
        stylize(source, styles, stopped, masked, mask=mask, listener=StopsAfter(15))
    stylize(source, styles, stopped, masked, mask=mask)
    assert stream_hashes(stopped) == stream_hashes(whole)


def test_another_mask_is_another_job(tmp_path: Path, styles: list[Path], settings: Settings, white_left: Path) -> None:
    source = two_shots(tmp_path / "clip.mp4")
    with pytest.raises(KeyboardInterrupt):
        stylize(source, styles, tmp_path / "out.mp4", settings, mask=white_left, listener=StopsAfter(15))
    with refused("VS513", "--mask", "SHA-256"):
        stylize(source, styles, tmp_path / "out.mp4", settings)


def test_a_mask_that_ends_early_is_told(tmp_path: Path, styles: list[Path], settings: Settings) -> None:
    mask = moving_mask(tmp_path / "mask.mp4", 10)
    with refused("VS339", "mask.mp4"):
        stylize(two_shots(tmp_path / "clip.mp4"), styles, tmp_path / "out.mp4", settings, mask=mask)
    assert not (tmp_path / "out.mp4").exists()


def test_kept_colours_of_a_film(tmp_path: Path, styles: list[Path], settings: Settings) -> None:
    """On every frame the chroma is the source's, as luminance does not touch it."""
    ear = Ear()
    kept = settings.replace(keep_colors="luminance", every=1)
    stylize(two_shots(tmp_path / "clip.mp4"), styles, tmp_path / "out.mp4", kept, listener=ear)
    for one in ear.frames:
        for a, b in ((0, 1), (1, 2)):
            ours, theirs = (x[a] - x[b] for x in (one.painted.image, one.frame.image))
            assert torch.allclose(ours, theirs, atol=1e-4)
        assert float((one.painted.image - one.frame.image).abs().mean()) > 0.01


@pytest.mark.parametrize(
    ("changes", "given", "code", "facts"),
    [
        ({"style_blend": "1,2,3"}, {}, "VS242", ("3", "2")),
        ({"style_keys": "0=C"}, {}, "VS213", ("C", "2")),
        ({}, {"style_masks": ["a.png"] * 3}, "VS214", ("3", "2")),
        ({"style_per_shot": True}, {"style_masks": ["a.png"]}, "VS216", ("--style-mask",)),
    ],
)
def test_wishes_that_do_not_fit(
    tmp_path: Path,
    styles: list[Path],
    changes: dict[str, object],
    given: dict[str, list[str]],
    code: str,
    facts: tuple[str, ...],
) -> None:
    source = two_shots(tmp_path / "clip.mp4")
    with refused(code, *facts):
        JobSpec.of(source, styles, tmp_path / "out.mp4", Settings(**changes), **given)  # type: ignore[arg-type]


def test_keys_are_for_films(tmp_path: Path, styles: list[Path]) -> None:
    with refused("VS215"):
        JobSpec.of(styles[0], styles, tmp_path / "out.png", Settings(strength_keys="0=0.1,1=1"))


def test_a_mask_that_is_not_there_is_told(tmp_path: Path, styles: list[Path]) -> None:
    with refused("VS324"):
        JobSpec.of(styles[0], styles, tmp_path / "out.png", mask=tmp_path / "nothing.png")
