"""Whole jobs with real files, a tiny network and few steps."""

import time
from fractions import Fraction
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from tests import clips
from tests.films import Ear, StopsAfter, leftovers, many_shots, two_shots
from tests.images import clouds
from tests.refusals import refused
from vidstyle.api import run, stylize
from vidstyle.core.temporal import MOST_EFFORT, PaintedFrame
from vidstyle.errors import SourceError
from vidstyle.images import load_image, save_image
from vidstyle.jobs.events import Listener, Summary
from vidstyle.jobs.kinds import default_output, kind_of
from vidstyle.jobs.prescan import plan
from vidstyle.jobs.spec import JobSpec
from vidstyle.jobs.stills import preview
from vidstyle.settings.settings import Settings
from vidstyle.video.probe import probe
from vidstyle.video.reader import open_video

BT709 = torch.tensor([0.2126, 0.7152, 0.0722])  # of red, green and blue in luma


def test_a_video_keeps_frames_rate_length_and_sound(tmp_path: Path, settings: Settings, style: Path) -> None:
    source = two_shots(tmp_path / "clip.mp4")
    ear = Ear()
    summary = stylize(source, [style], settings=settings, listener=ear)
    out = tmp_path / "clip_stripes.mp4"
    before, after = probe(source), probe(out)
    assert summary.out == out
    assert summary.frames == after.frame_count == before.frame_count == 24
    assert after.rate == Fraction(24000, 1001)
    assert after.size == before.size
    assert abs(after.seconds - before.seconds) < 1 / 24
    assert clips.stream_hashes(out, "a") == clips.stream_hashes(source, "a")
    assert leftovers(tmp_path, [source, out]) == []
    assert ear.outlines[0].shots == 2
    assert [painted.frame.index for painted in ear.frames if painted.frame.cut] == [12]
    openers, followers = [0, 12], [i for i in range(24) if i not in (0, 12)]
    assert [ear.frames[i].painted.steps for i in openers] == [2, 2]
    assert all(1 <= ear.frames[i].painted.steps <= MOST_EFFORT for i in followers)


@pytest.mark.parametrize("way", [{"passes": 2}, {"loop": True}])
def test_two_passes_keep_frames_and_sound_too(
    tmp_path: Path, settings: Settings, style: Path, way: dict[str, int | bool]
) -> None:
    out, ear = tmp_path / "out.mp4", Ear()
    source = two_shots(tmp_path / "clip.mp4", count=8)
    stylize(source, [style], out, settings.replace(**way), listener=ear)
    assert [one.frame.index for one in ear.frames] == list(range(8))
    assert ear.turns == 16
    assert probe(out).frame_count == probe(source).frame_count
    assert probe(out).audio[0] == probe(source).audio[0]


def test_the_file_holds_the_painting(tmp_path: Path, settings: Settings, style: Path) -> None:
    ear = Ear()
    stylize(two_shots(tmp_path / "clip.mp4"), [style], tmp_path / "out.mp4", settings, listener=ear)
    with open_video(tmp_path / "out.mp4") as film:
        written = list(film)
    for frame, painted in zip(written, ear.frames, strict=True):
        # Luma, because the file keeps colours at half the size.
        images = (frame.image, painted.painted.image, painted.frame.image)
        written_grey, grey, source_grey = (torch.einsum("c,chw->hw", BT709, image) for image in images)
        error = float((written_grey - grey).abs().mean())
        assert error < 0.05
        assert float((written_grey - source_grey).abs().mean()) > 1.5 * error


def test_a_part_of_a_video(tmp_path: Path, settings: Settings, style: Path) -> None:
    source, ear = two_shots(tmp_path / "clip.mp4", rate="24"), Ear()
    stylize(source, [style], tmp_path / "out.mp4", settings, start=0.25, end=0.75, listener=ear)
    assert [painted.frame.index for painted in ear.frames] == list(range(6, 18))
    assert [painted.frame.index for painted in ear.frames if painted.frame.cut] == [12]
    assert probe(tmp_path / "out.mp4").frame_count == 12


def test_size_and_full_size(tmp_path: Path, settings: Settings, style: Path) -> None:
    source = many_shots(tmp_path / "clip.mp4", count=2, shots=2, size=(64, 80))
    for size, expected in (("40", (32, 40)), ("full", (64, 80)), ("4000", (64, 80))):
        stylize(source, [style], tmp_path / f"{size}.mp4", settings.replace(size=size))
        assert probe(tmp_path / f"{size}.mp4").size == expected


def test_frames_of_variable_rate_are_painted_once(tmp_path: Path, settings: Settings, style: Path) -> None:
    """And shown at their own times, also in a part, and after the job was stopped."""
    source = clips.clip(tmp_path / "vfr.mkv", "-vf", "setpts='if(lt(N,6),N,6+(N-6)*3)/25/TB'", "-fps_mode", "vfr")
    times = [n / 25 if n < 6 else (6 + (n - 6) * 3) / 25 for n in range(12)]
    for out, start in (("out.mp4", 0.0), ("part.webm", 0.2)):
        ear, first = Ear(), 5 if start else 0
        with pytest.raises(KeyboardInterrupt):
            stylize(source, [style], tmp_path / out, settings, start=start, listener=StopsAfter(4))
        assert probe(tmp_path / out.replace(".", ".partial.")).frame_count == 4
        stylize(source, [style], tmp_path / out, settings, start=start, listener=ear)
        with open_video(tmp_path / out) as painted:
            assert [frame.seconds + times[first] for frame in painted] == pytest.approx(times[first:], abs=0.001)
        assert [one.frame.seconds for one in ear.frames] == pytest.approx(times[first:], abs=0.001)


@pytest.mark.parametrize("ending", [".gif", ""])
def test_variable_rate_as_an_animation_or_as_images(
    tmp_path: Path, settings: Settings, style: Path, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = clips.clip(tmp_path / "vfr.mkv", "-vf", "setpts='if(lt(N,6),N,6+(N-6)*3)/25/TB'", "-fps_mode", "vfr")
    out = tmp_path / f"out{ending}"
    stylize(source, [style], out, settings)
    if ending:
        assert (probe(out).durations or ())[:-1] == pytest.approx([0.04] * 6 + [0.12] * 5, abs=0.011)
    else:
        assert sorted(file.name for file in out.iterdir()) == [f"frame_{n:04}.png" for n in range(1, 13)]
        assert "image files cannot hold the times" in caplog.text


@pytest.mark.parametrize("ending", [".gif", ".mp4", ".webp", ".png"])
def test_an_animation_becomes_an_animation_or_a_video(
    tmp_path: Path, settings: Settings, style: Path, ending: str
) -> None:
    source = tmp_path / "wave.gif"
    frames = [np.uint8(clouds(40, 50, seed=i).permute(1, 2, 0) * 255) for i in range(5)]
    iio.imwrite(source, frames, duration=100, loop=2)
    summary = stylize(source, [style], tmp_path / f"out{ending}", settings)
    assert summary.frames == 5
    assert probe(tmp_path / f"out{ending}").plays == (0 if ending == ".mp4" else 3)
    assert kind_of(tmp_path / f"out{ending}") == ("video" if ending == ".mp4" else "animation")


def test_an_image_keeps_its_size_alpha_and_depth(tmp_path: Path, settings: Settings, style: Path) -> None:
    alpha = clouds(50, 70, seed=6)[:1]
    save_image(tmp_path / "photo.png", clouds(50, 70), alpha, bits=16)
    summary = stylize(tmp_path / "photo.png", [style], settings=settings)
    painted = load_image(tmp_path / "photo_stripes.png")
    assert (summary.frames, painted.bits, painted.rgb.shape) == (1, 16, (3, 50, 70))
    assert painted.alpha is not None
    assert torch.allclose(painted.alpha, alpha, atol=1e-3)
    assert float((painted.rgb - clouds(50, 70)).abs().mean()) > 0.02


@pytest.mark.parametrize("use", ["content", "style"])
def test_hidden_colours_decide_nothing(tmp_path: Path, settings: Settings, style: Path, use: str) -> None:
    """The painting is the same, bit for bit, whatever colour transparent pixels have."""
    alpha, paintings = (clouds(50, 70, seed=6)[:1] > 0.5).float(), []
    for number, colour in enumerate((0.0, 1.0)):
        image = tmp_path / f"{number}.png"
        save_image(
            image, torch.where(alpha > 0, clouds(50, 70), torch.tensor([colour, 0, colour])[:, None, None]), alpha
        )
        source, look = (image, style) if use == "content" else (style, image)
        stylize(source, [look], tmp_path / f"out{number}.png", settings)
        paintings.append((tmp_path / f"out{number}.png").read_bytes())
    assert paintings[0] == paintings[1]


def test_a_folder_gives_a_folder_and_tells_of_bad_files(tmp_path: Path, settings: Settings, style: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    save_image(folder / "a.png", clouds(40, 50))
    (folder / "b.jpg").write_bytes(b"not an image")
    save_image(folder / "c.jpg", clouds(60, 44, seed=2))
    summary = stylize(folder, [style], settings=settings)
    assert {path.name for path in (tmp_path / "photos_stripes").iterdir()} == {"a.png", "c.jpg"}
    assert summary.frames == 2
    assert len(summary.failed) == 1
    assert "b.jpg" in summary.failed[0]


def test_a_glob_takes_what_it_names(tmp_path: Path, settings: Settings, style: Path) -> None:
    for name in ("a1.png", "a2.png", "b1.png"):
        save_image(tmp_path / name, clouds(40, 50))
    summary = stylize(tmp_path / "a*.png", [style], tmp_path / "out", settings)
    assert {path.name for path in summary.out.iterdir()} == {"a1.png", "a2.png"}


def test_a_start_from_a_file(tmp_path: Path, settings: Settings, style: Path) -> None:
    save_image(tmp_path / "photo.png", clouds(40, 50))
    save_image(tmp_path / "start.png", clouds(40, 50, seed=9))
    for name, init in (("one.png", "content"), ("two.png", str(tmp_path / "start.png"))):
        stylize(tmp_path / "photo.png", [style], tmp_path / name, settings.replace(init=init))
    one, two = (load_image(tmp_path / name).rgb for name in ("one.png", "two.png"))
    assert float((one - two).abs().mean()) > 0.02


def test_ctrl_c_leaves_a_playable_file_of_what_is_done(tmp_path: Path, settings: Settings, style: Path) -> None:
    source, ear = two_shots(tmp_path / "clip.mp4"), StopsAfter(7)
    with pytest.raises(KeyboardInterrupt):
        stylize(source, [style], tmp_path / "out.mp4", settings, listener=ear)
    assert ear.partial is not None
    partial, frames = ear.partial
    assert frames == 7
    assert partial is not None
    assert leftovers(tmp_path, [source]) == [partial]
    assert probe(partial).frame_count == 7
    assert len(probe(partial).audio) == 1


def test_ctrl_c_in_a_folder_tells_where_the_finished_images_are(
    tmp_path: Path, settings: Settings, style: Path
) -> None:
    folder, ear = tmp_path / "photos", StopsAfter(2)
    folder.mkdir()
    for name in "abc":
        save_image(folder / f"{name}.png", clouds(40, 48))
    with pytest.raises(KeyboardInterrupt):
        stylize(folder, [style], settings=settings, listener=ear)
    out = tmp_path / "photos_stripes"
    assert ear.partial == (out, 2)
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b.png"]


def test_ctrl_c_in_the_first_image_of_a_folder_leaves_no_folder(
    tmp_path: Path, settings: Settings, style: Path
) -> None:
    class StopsAtOnce(Ear):
        def step(self, step: object) -> None:
            raise KeyboardInterrupt

    folder, ear = tmp_path / "photos", StopsAtOnce()
    folder.mkdir()
    save_image(folder / "a.png", clouds(40, 48))
    with pytest.raises(KeyboardInterrupt):
        stylize(folder, [style], settings=settings, listener=ear)
    assert ear.partial == (None, 0)
    assert not (tmp_path / "photos_stripes").exists()


def test_ctrl_c_before_the_first_frame_leaves_nothing(tmp_path: Path, settings: Settings, style: Path) -> None:
    class StopsAtOnce(Ear):
        def step(self, step: object) -> None:
            raise KeyboardInterrupt

    source, ear = two_shots(tmp_path / "clip.mp4"), StopsAtOnce()
    with pytest.raises(KeyboardInterrupt):
        stylize(source, [style], tmp_path / "out.mp4", settings, listener=ear)
    assert ear.partial == (None, 0)
    assert leftovers(tmp_path, [source]) == []


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, settings: Settings, style: Path) -> None:
    class Fails(Ear):
        def frame(self, painted: PaintedFrame) -> None:
            raise SourceError("VS301", path="film.mp4")

    source = two_shots(tmp_path / "clip.mp4")
    with pytest.raises(SourceError):
        stylize(source, [style], tmp_path / "out.mp4", settings, listener=Fails())
    assert leftovers(tmp_path, [source]) == []


def test_a_plan_tells_and_writes_nothing(tmp_path: Path, settings: Settings, style: Path) -> None:
    source = many_shots(tmp_path / "clip.mp4", count=24, shots=2, size=(64, 80))
    outline = plan(JobSpec.of(source, [style], settings=settings.replace(size="40")), Listener())
    assert (outline.frames, outline.shots, outline.size, outline.source_size) == (24, 2, (32, 40), (64, 80))
    assert 0 < outline.estimate.seconds < outline.full_estimate.seconds
    assert outline.estimate.learning == outline.full_estimate.learning == 0  # with this weights file
    assert outline.estimate.memory < outline.full_estimate.memory
    assert leftovers(tmp_path, [source]) == []


def test_the_estimate_grows_with_every_part_of_the_work(tmp_path: Path, settings: Settings, style: Path) -> None:
    from vidstyle.jobs.eta import estimate

    base = estimate(settings, (64, 80), 1, 10, 1e-6)
    for more in (
        estimate(settings, (128, 160), 1, 10, 1e-6),
        estimate(settings, (64, 80), 2, 10, 1e-6),
        estimate(settings, (64, 80), 1, 20, 1e-6),
        estimate(settings.replace(steps=9), (64, 80), 1, 10, 1e-6),
        estimate(settings.replace(frame_steps=9), (64, 80), 1, 10, 1e-6),
    ):
        assert more.seconds > base.seconds


def test_a_preview_paints_one_frame_of_each_shot(tmp_path: Path, settings: Settings, style: Path) -> None:
    job = JobSpec.of(two_shots(tmp_path / "clip.mp4", rate="24"), [style], settings=settings)
    ear = Ear()
    files = preview(job, [], ear)
    assert [file.name for file in files] == [
        "clip_stripes_preview_0.25s.png",
        "clip_stripes_preview_0.75s.png",
        "clip_stripes_preview.png",
    ]
    assert [painted.frame.index for painted in ear.frames] == [6, 18]
    assert load_image(files[0]).rgb.shape == (3, 32, 40)
    sheet = load_image(files[-1]).rgb
    assert sheet.shape[1] > 2 * 32
    assert sheet.shape[2] > 2 * 40
    assert not job.out.exists()


def test_a_preview_replaces_another_only_when_told_to(tmp_path: Path, settings: Settings, style: Path) -> None:
    job = JobSpec.of(two_shots(tmp_path / "clip.mp4", rate="24"), [style], settings=settings)
    (tmp_path / "clip_stripes_preview_0.50s.png").write_bytes(b"mine")
    with refused("VS402"):
        preview(job, [0.5], Listener())
    assert (tmp_path / "clip_stripes_preview_0.50s.png").read_bytes() == b"mine"
    assert load_image(preview(job, [0.5], Listener(), overwrite=True)[-1]).rgb.shape[0] == 3


def test_a_preview_at_a_moment(tmp_path: Path, settings: Settings, style: Path) -> None:
    job, ear = JobSpec.of(two_shots(tmp_path / "clip.mp4", rate="24"), [style], settings=settings), Ear()
    preview(job, [0.5], ear)
    assert [painted.frame.index for painted in ear.frames] == [12]
    with refused("VS211", "9", "1"):
        preview(job, [9.0], Listener(), overwrite=True)


def test_the_same_job_gives_the_same_frames(tmp_path: Path, settings: Settings, style: Path) -> None:
    source, ears = two_shots(tmp_path / "clip.mp4", count=6), (Ear(), Ear())
    for number, ear in enumerate(ears):
        stylize(source, [style], tmp_path / f"{number}.mp4", settings, listener=ear)
    for one, two in zip(ears[0].frames, ears[1].frames, strict=True):
        assert torch.equal(one.painted.image, two.painted.image)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"source": "nowhere.mp4"}, "VS301"),
        ({"styles": ["nowhere.jpg"]}, "VS323"),
        ({"styles": []}, "VS212"),
        ({"out": "out.xyz"}, "VS424"),
        ({"out": "out.png"}, "VS424"),
        ({"out": "no/folder/out.mp4"}, "VS417"),
        ({"out": "clip.mp4", "overwrite": True}, "VS425"),
        ({"out": "there.mp4"}, "VS402"),
        ({"start": 3.0, "end": 2.0}, "VS217"),
        ({"start": 100.0}, "VS351"),
        ({"device": "abacus"}, "VS207"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    style: Path,
    change: dict[str, object],
    code: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    two_shots(Path("clip.mp4"), count=2)
    Path("there.mp4").write_bytes(b"keep me")
    arguments = {"source": "clip.mp4", "styles": [style], "out": "out.mp4", "settings": settings, **change}
    with refused(code) as caught:
        stylize(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"clip.mp4", "there.mp4"}
    assert Path("there.mp4").read_bytes() == b"keep me"


def test_names_of_outputs(tmp_path: Path) -> None:
    style = [Path("monet.jpg"), Path("klee.png")]
    assert default_output(Path("a/clip.mp4"), style[:1], "video") == Path("a/clip_monet.mp4")
    assert default_output(Path("a/clip.avi"), style[:1], "video") == Path("a/clip_monet.mp4")
    assert default_output(Path("a/pic.JPG"), style, "image") == Path("a/pic_monet_klee.JPG")
    assert default_output(Path("a/x.gif"), style[:1], "animation") == Path("a/x_monet.gif")
    assert default_output(tmp_path, style[:1], "images") == tmp_path.with_name(f"{tmp_path.name}_monet")


def test_a_summary_adds_up(tmp_path: Path, settings: Settings, style: Path) -> None:
    job, ear, began = (
        JobSpec.of(two_shots(tmp_path / "clip.mp4", count=6), [style], settings=settings),
        Ear(),
        time.monotonic(),
    )
    summary = run(job, ear)
    assert isinstance(summary, Summary)
    assert summary.steps == sum(painted.painted.steps for painted in ear.frames)
    assert summary.seconds == pytest.approx(sum(painted.painted.seconds for painted in ear.frames))
    assert summary.seconds_per_frame == pytest.approx(summary.seconds / 6)
    assert summary.seconds < summary.elapsed < time.monotonic() - began
    assert summary.filters.endswith("random.safetensors")
    assert ear.stages.index("looking for cuts") < ear.stages.index("finding the balance")
