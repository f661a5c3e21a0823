"""Films whose light changes, from the file to the file."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.films import Ear, film_of
from tests.images import clouds
from vidstyle.api import run, stylize
from vidstyle.core.color_transfer import luminance_of
from vidstyle.images import load_image, save_image
from vidstyle.jobs.events import Listener
from vidstyle.jobs.prescan import opened, run_prescan
from vidstyle.jobs.spec import JobSpec
from vidstyle.settings.settings import Settings
from vidstyle.video.reader import open_video

SCENE = clouds(64, 120, grain=16)


def pan(count: int) -> list[Tensor]:
    return [SCENE[:, :, i : i + 80] for i in range(count)]


def light(image: Tensor) -> float:
    return float(luminance_of(image).mean())


def seen(path: Path) -> list[Tensor]:
    with open_video(path) as source:
        return [frame.image for frame in source]


def test_a_fade_of_the_film_is_a_fade_of_the_painting(tmp_path: Path, settings: Settings, style: Path) -> None:
    source = film_of(tmp_path / "fade.mp4", [min(1.0, i / 10) * image for i, image in enumerate(pan(16))])
    stylize(source, [style], tmp_path / "out.mp4", settings)
    painted = [light(image) for image in seen(tmp_path / "out.mp4")]
    assert painted[0] < 4 / 255
    for i in range(3, 10):
        assert painted[i] / painted[-1] == pytest.approx(i / 10, abs=0.08)


def test_without_keeping_the_exposure_the_painting_does_not_fade(
    tmp_path: Path, settings: Settings, style: Path
) -> None:
    source = film_of(tmp_path / "fade.mp4", [min(1.0, i / 10) * image for i, image in enumerate(pan(16))])
    stylize(source, [style], tmp_path / "out.mp4", settings.replace(keep_exposure=0.0))
    painted = [light(image) for image in seen(tmp_path / "out.mp4")]
    assert min(painted) > 0.8 * max(painted)


@pytest.mark.parametrize("passes", [1, 2])
def test_paint_survives_flashes(tmp_path: Path, settings: Settings, style: Path, passes: int) -> None:
    images = [image if i % 4 else torch.ones_like(image) for i, image in enumerate(pan(12))]
    ear = Ear()
    job = JobSpec.of(film_of(tmp_path / "f.mp4", images), [style], tmp_path / "o.mp4", settings.replace(passes=passes))
    run(job, ear)
    assert len(ear.outlines) == 1
    assert ear.outlines[0].shots == 1
    painted = seen(tmp_path / "o.mp4")
    assert [light(image) > 0.97 for image in painted] == [i % 4 == 0 for i in range(12)]
    assert float((painted[3] - painted[5]).abs().mean()) < 0.15


def test_bars_stay_what_they_are(tmp_path: Path, settings: Settings, style: Path) -> None:
    images = [image.clone() for image in pan(8)]
    for image in images:
        image[:, :8] = image[:, -8:] = 0
    ear = Ear()
    run(JobSpec.of(film_of(tmp_path / "b.mp4", images), [style], tmp_path / "o.mp4", settings), ear)
    for one in ear.frames:
        source, painting = one.frame.image, one.painted.image
        assert torch.equal(painting[:, :8], source[:, :8])
        assert torch.equal(painting[:, -8:], source[:, -8:])
        assert float((painting - source)[:, 12:-12].abs().mean()) > 0.02


@pytest.mark.parametrize("colour", [(0.0, 0.0, 0.0), (0.1, 0.7, 0.2)])
def test_a_film_of_one_colour_is_a_calm_painting_of_it(
    tmp_path: Path, settings: Settings, style: Path, colour: tuple[float, float, float]
) -> None:
    deeper = settings.replace(content_layers="conv2_1")
    flat = torch.tensor(colour).view(3, 1, 1).expand(3, 64, 80)
    stylize(film_of(tmp_path / "f.mp4", [flat] * 6), [style], tmp_path / "o.mp4", deeper)
    for image in seen(tmp_path / "o.mp4"):
        assert float((image - flat).abs().max()) < 8 / 255


def test_a_dark_image_stays_dark(tmp_path: Path, settings: Settings, style: Path) -> None:
    save_image(tmp_path / "night.png", 0.08 * SCENE)
    stylize(tmp_path / "night.png", [style], tmp_path / "o.png", settings)
    assert light(load_image(tmp_path / "o.png").rgb) < 1.5 * light(0.08 * SCENE)


def test_samples_show_something_and_differ(tmp_path: Path, settings: Settings, style: Path) -> None:
    still, black = SCENE[:, :, :80], torch.zeros(3, 64, 80)
    images = [black] * 8 + [still] * 12 + [clouds(64, 80, seed=s, grain=8) for s in (5, 6, 7)] + [black] * 9
    job = JobSpec.of(film_of(tmp_path / "f.mp4", images), [style], tmp_path / "o.mp4", settings)
    with opened(job, Listener()) as source:
        samples = run_prescan(source, Listener()).samples
    assert 2 <= len(samples) <= 8
    assert min(float(sample.std()) for sample in samples) > 0.05
    gaps = [float((a - b).abs().mean()) for i, a in enumerate(samples) for b in samples[:i]]
    assert min(gaps) > 0.01


def test_a_film_that_was_stopped_in_a_fade_goes_on_with_the_same_pixels(
    tmp_path: Path, settings: Settings, style: Path
) -> None:
    class Stops(Ear):
        def frame(self, painted: object) -> None:
            super().frame(painted)  # type: ignore[arg-type]
            if len(self.frames) == 26:
                raise KeyboardInterrupt

    wide = clouds(64, 140, grain=16)
    images = [min(1.0, abs(26 - i) / 10) * wide[:, :, i : i + 80] for i in range(40)]
    source = film_of(tmp_path / "f.mp4", images)
    stylize(source, [style], tmp_path / "whole.mp4", settings)
    job = JobSpec.of(source, [style], tmp_path / "halves.mp4", settings)
    with pytest.raises(KeyboardInterrupt):
        run(job, Stops())
    (tmp_path / "halves_partial.mp4").unlink(missing_ok=True)
    run(job, Ear())
    pairs = zip(seen(tmp_path / "whole.mp4"), seen(tmp_path / "halves.mp4"), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
