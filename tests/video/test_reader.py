"""Reading: every kind of file shows what it holds, at the right time, or is refused in one sentence."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.clips import (
    GREY,
    assert_colours,
    clip,
    ffmpeg,
    number,
    numbered_image,
    quarters,
    tone,
    with_sound,
)
from tests.refusals import refused
from vidstyle.core.frame_style import Frame
from vidstyle.video.packets import packet_times
from vidstyle.video.probe import Fault, probe
from vidstyle.video.reader import find_images, open_video

QUICK = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "8")
TEN_BIT = "format=yuv420p10le,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def frames_of(path: Path, **options: object) -> list[Frame]:
    with open_video(path, **options) as source:  # type: ignore[arg-type]
        frames = list(source)
        assert len(frames) == len(source)
    return frames


def tagged(path: Path, *options: object) -> Path:
    """A plain clip with a display matrix written into it."""
    plain = clip(path.with_name("plain.mp4"))
    ffmpeg(*options, "-i", plain, "-c", "copy", path)
    return path


def wide_pixels(path: Path) -> Path:
    """A clip that has to be conformed; its quarters stay in their places."""
    ffmpeg("-i", clip(path.with_name("plain.mp4")), "-c", "copy", "-aspect", "20:9", path)
    return path


def test_plain_clip_is_read_directly(tmp_path: Path) -> None:
    info = probe(clip(tmp_path / "a.mp4"))
    assert (info.faults, info.size, info.rate, info.frame_count) == ((), (96, 160), 25, 12)
    assert info.exact_count
    frames = frames_of(info.path)
    assert [number(f.image) for f in frames] == list(range(12))
    assert [f.index for f in frames] == list(range(12))
    assert frames[5].seconds == pytest.approx(0.2)
    image = frames[0].image
    assert (image.dtype, tuple(image.shape)) == (torch.float32, (3, 96, 160))
    assert_colours(image)


@pytest.mark.parametrize(("ending", "rate"), [("mp4", "24000/1001"), ("mkv", "24000/1001"), ("mkv", "30000/1001")])
def test_fractional_rate_is_exact(tmp_path: Path, ending: str, rate: str) -> None:
    info = probe(clip(tmp_path / f"a.{ending}", rate=rate, count=40))
    assert info.rate == Fraction(rate)
    assert info.faults == ()
    assert info.seconds == pytest.approx(40 / Fraction(rate))


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_variable_rate_keeps_each_image_at_its_time(tmp_path: Path, ending: str) -> None:
    kept = [0, 1, 2, 3, 4, 5, 12, 13, 14, 30, 31, 32, 33, 34, 35]
    wanted = "+".join(f"eq(n,{n})" for n in kept)
    path = clip(tmp_path / f"a.{ending}", *QUICK, "-fps_mode", "vfr", count=36, rate="30", filters=f"select='{wanted}'")
    info = probe(path)
    assert info.faults == (Fault.VARIABLE_RATE,)
    assert float(info.rate) == pytest.approx(15 / 1.2, abs=0.1)
    frames = frames_of(path)
    assert [number(f.image) for f in frames] == kept
    assert [f.seconds for f in frames] == pytest.approx([n / 30 for n in kept], abs=0.0006)


def test_small_jitter_is_not_variable_rate(tmp_path: Path) -> None:
    """Milliseconds of Matroska are not even, and no reason to rewrite a file."""
    assert probe(clip(tmp_path / "a.mkv", rate="30", count=30)).faults == ()


@pytest.mark.parametrize(
    ("options", "order"),
    [
        (("-display_rotation", 90), (1, 3, 0, 2)),  # a quarter turn against the clock
        (("-display_rotation", 180), (3, 2, 1, 0)),
        (("-display_hflip",), (1, 0, 3, 2)),
        (("-display_vflip",), (2, 3, 0, 1)),
        (("-display_rotation", 90, "-display_hflip"), None),
    ],
)
def test_rotated_and_mirrored(tmp_path: Path, options: tuple[object, ...], order: tuple[int, ...] | None) -> None:
    path = tagged(tmp_path / "turned.mp4", *options)
    seen = quarters(frames_of(path)[0].image)
    if order is None:  # what ffmpeg itself shows
        raw = np.frombuffer(ffmpeg("-i", path, "-frames:v", 1, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"), np.uint8)
        truth = quarters(torch.from_numpy(raw.reshape(160, 96, 3).copy()).permute(2, 0, 1) / 255)
    else:
        upright = quarters(frames_of(tmp_path / "plain.mp4")[0].image)
        truth = tuple(upright[n] for n in order)
    assert np.abs(np.array(seen) - np.array(truth)).max() <= 3
    assert (Fault.MIRRORED in probe(path).faults) == any("flip" in str(o) for o in options)


def test_odd_sides_are_kept(tmp_path: Path) -> None:
    image = frames_of(clip(tmp_path / "a.mp4", size=(181, 321)))[0].image
    assert tuple(image.shape) == (3, 181, 321)
    assert_colours(image)


@pytest.mark.parametrize("codec", ["h264", "mpeg2", "dv"])
def test_interlaced_content_is_right(tmp_path: Path, codec: str) -> None:
    """OpenCV 5.0 gives uninitialised memory for these."""
    if codec == "dv":
        path = clip(tmp_path / "a.avi", "-c:v", "dvvideo", size=(576, 720), count=6, filters="format=yuv420p")
    elif codec == "mpeg2":
        flags = ("-c:v", "mpeg2video", "-q:v", 2, "-flags", "+ilme+ildct")
        path = clip(tmp_path / "a.mpg", *flags, count=6, filters="setfield=tff,format=yuv420p")
    else:
        flags = (*QUICK, "-flags", "+ilme+ildct", "-x264-params", "tff=1")
        path = clip(tmp_path / "a.mp4", *flags, count=6, filters="setfield=tff,format=yuv420p")
    assert Fault.INTERLACED in probe(path).faults
    frames = frames_of(path)
    assert len(frames) == 6
    assert_colours(frames[2].image, tolerance=10)
    assert number(frames[3].image) == 3


def test_ten_bit(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", "-c:v", "ffv1", filters="scale=out_color_matrix=bt709," + TEN_BIT)
    assert Fault.DEEP in probe(path).faults
    assert_colours(frames_of(path)[0].image)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_becomes_plausible_sdr(tmp_path: Path, transfer: str) -> None:
    """The clip put into HDR as a camera would (white at 203 nits) comes back about as it was."""
    to_hdr = (
        "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,setparams=range=tv:colorspace=bt709:"
        "color_primaries=bt709:color_trc=bt709,zscale=t=linear:npl=203,format=gbrpf32le,"
        f"zscale=p=bt2020:t={transfer}:m=bt2020nc:r=tv:npl=203,format=yuv420p10le,"
        f"setparams=range=tv:colorspace=bt2020nc:color_primaries=bt2020:color_trc={transfer}"
    )
    path = clip(tmp_path / "a.mkv", "-c:v", "ffv1", count=3, filters=to_hdr)
    assert Fault.HDR in probe(path).faults
    image = frames_of(path)[0].image
    assert_colours(image, tolerance=32)
    assert abs(quarters(image)[3][0] - GREY) <= 24


@pytest.mark.parametrize(("ending", "codec", "pixels"), [("mov", "qtrle", "argb"), ("webm", "libvpx-vp9", "yuva420p")])
def test_half_of_the_opacity_is_half(tmp_path: Path, ending: str, codec: str, pixels: str) -> None:
    """The colours are what they were, beside the opacity."""
    filters = f"format=rgba,colorchannelmixer=aa=0.5,format={pixels}"
    frame = frames_of(clip(tmp_path / f"a.{ending}", "-c:v", codec, count=3, filters=filters))[0]
    assert_colours(frame.image)
    assert frame.alpha is not None
    assert (frame.alpha - 0.5).abs().max() <= 2 / 255


def test_one_image_and_no_sound(tmp_path: Path) -> None:
    info = probe(clip(tmp_path / "a.mp4", count=1))
    assert (info.frame_count, info.audio) == (1, ())
    assert [number(f.image) for f in frames_of(info.path)] == [0]


def test_raw_frames_whose_bytes_are_letters_are_no_text(tmp_path: Path) -> None:
    dark = "geq=lum=65+mod(X+N\\,20):cb=100:cr=90,format=yuv420p"
    path = clip(tmp_path / "a.y4m", "-c:v", "wrapped_avframe", count=2, size=(16, 16), filters=dark)
    assert path.read_bytes().isascii()
    assert len(frames_of(path)) == 2


def test_a_raw_stream_of_few_frames_loses_none(tmp_path: Path) -> None:
    """Of which the first has no time, since it depends on later ones that are not there."""
    path = clip(tmp_path / "a.h264", "-c:v", "libx264", "-preset", "ultrafast", "-bf", 3, "-g", 4, count=8, rate="240")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
    assert len(frames_of(path)) == len(packet_times(path).times)


def test_two_sound_tracks_are_seen(tmp_path: Path) -> None:
    silent = clip(tmp_path / "silent.mp4")
    path = tmp_path / "a.mkv"
    ffmpeg(
        "-i",
        silent,
        *tone(),
        *tone(),
        "-map",
        0,
        "-map",
        1,
        "-map",
        2,
        "-c:v",
        "copy",
        "-c:a:0",
        "aac",
        "-c:a:1",
        "flac",
        path,
    )
    assert probe(path).audio == ("aac", "flac")


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_late_images_are_padded(tmp_path: Path, ending: str) -> None:
    path = with_sound(tmp_path / f"a.{ending}", clip(tmp_path / "silent.mp4"), offset=0.4)
    info = probe(path)
    assert Fault.LATE in info.faults
    numbers = [number(f.image) for f in frames_of(path)]
    # Encoded sound may begin a packet (23 ms) earlier still.
    assert numbers in ([0] * padding + list(range(12)) for padding in (10, 11))


def test_images_hidden_by_an_edit_are_not_read(tmp_path: Path) -> None:
    """A phone trims a clip by hiding its beginning, back to the last whole image."""
    path = tmp_path / "trimmed.mp4"
    ffmpeg("-itsoffset", -0.2, "-i", clip(tmp_path / "a.mp4"), "-c", "copy", path)
    assert probe(path).frame_count == 7
    assert [number(f.image) for f in frames_of(path)] == list(range(5, 12))


def test_square_pixels(tmp_path: Path) -> None:
    path = wide_pixels(tmp_path / "wide.mp4")
    image = frames_of(path)[0].image
    assert tuple(image.shape) == (3, 96, 213)
    assert probe(path).size == (96, 213)
    assert_colours(image)


def test_untagged_hd_is_bt709(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", *QUICK, "-bsf:v", "h264_metadata=colour_primaries=2:transfer_characteristics=2:"
                "matrix_coefficients=2", size=(720, 1280), count=2,
                filters="scale=out_color_matrix=bt709:out_range=tv,format=yuv420p")  # fmt: skip
    assert Fault.UNTAGGED in probe(path).faults
    assert_colours(frames_of(path)[0].image, tolerance=4)


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    flags = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", 8, "-g", 15, "-movflags", "+faststart")
    return clip(tmp_path / "long.mp4", *flags, count=70, size=(96, 160))


def test_corrupted_middle_is_read_to_the_end(tmp_path: Path, long_clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = bytearray(long_clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path = tmp_path / "broken.mp4"
    path.write_bytes(data)
    with open_video(path) as source:
        numbers = [number(f.image) for f in source]
        again = [number(f.image) for f in source]
    assert len(numbers) >= 68
    assert numbers[:20] == list(range(20))
    assert numbers[69] == 69
    assert again == numbers
    assert "damaged" in caplog.text


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_truncated_is_read_as_far_as_it_goes(
    tmp_path: Path, long_clip: Path, caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    whole = tmp_path / f"whole.{ending}"
    ffmpeg("-i", long_clip, "-c", "copy", "-movflags", "+faststart", whole)
    path = tmp_path / f"cut.{ending}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with open_video(path) as source:
        numbers = [number(f.image) for f in source]
    assert 20 <= len(numbers) <= 60
    assert numbers[:20] == list(range(20))
    assert "damaged or cut off" in caplog.text
    assert "about 70" in caplog.text


def test_file_cut_between_reordered_images_is_not_variable_rate(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", "-c:v", "libx264", "-bf", 8, "-b_strategy", 0, "-g", 60, count=70)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    info = probe(path)
    assert info.remarks
    assert info.faults == ()
    assert 30 < len(frames_of(path)) < 70


def test_range_and_size(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", count=20)
    frames = frames_of(path, start=0.2, end=0.4, size=(48, 80))
    assert [(f.index, number(f.image)) for f in frames] == [(n, n) for n in range(5, 10)]
    assert tuple(frames[0].image.shape) == (3, 48, 80)
    assert frames[0].seconds == pytest.approx(0.2)
    with refused("VS351", "0.80"):
        open_video(path, start=3.0)


def test_each_iteration_decodes_anew_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    path = wide_pixels(tmp_path / "wide.mp4")
    before = threading.active_count()
    with open_video(path) as source:
        assert any(temporary.iterdir())
        for frame in source:
            if frame.index == 2:
                break
        assert threading.active_count() == before
        two = [iter(source), iter(source)]
        assert [number(next(i).image) for i in two] == [0, 0]
        assert len(list(source)) == 12
    assert threading.active_count() == before
    assert not any(temporary.iterdir())


def test_conformed_file_is_kept_and_reused_in_work(tmp_path: Path) -> None:
    path = wide_pixels(tmp_path / "wide.mp4")
    work, progress = tmp_path / "work", list[float]()
    with open_video(path, work=work, on_progress=progress.append) as source:
        first = list(source)
        assert source.info.faults == ()
    (kept,) = work.iterdir()
    written = kept.stat().st_mtime_ns
    with open_video(path, work=work) as source:
        second = list(source)
    assert kept.stat().st_mtime_ns == written
    assert all(torch.equal(a.image, b.image) for a, b in zip(first, second, strict=True))
    assert progress
    assert progress == sorted(progress)
    assert progress[-1] <= 1


def test_errors_of_the_reader_reach_the_consumer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("disk on fire")

    path = clip(tmp_path / "a.mp4")
    with open_video(path) as source:
        monkeypatch.setattr("vidstyle.video.reader.tensors_of", fail)
        with pytest.raises(RuntimeError, match="disk on fire"):
            list(source)


def test_gif_with_uneven_times(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.gif"
    first, *rest = (Image.fromarray(numbered_image(n * 5)) for n in range(4))
    first.save(path, save_all=True, append_images=rest, duration=[100, 40, 250, 70], loop=0)
    with open_video(path) as source:
        assert source.info.durations == pytest.approx((0.1, 0.04, 0.25, 0.07))
        assert source.info.seconds == pytest.approx(0.46)
        frames = list(source)
    assert [f.seconds for f in frames] == pytest.approx([0, 0.1, 0.14, 0.39])
    assert [number(f.image) for f in frames] == [0, 5, 10, 15]
    assert_colours(frames[1].image)
    assert [f.index for f in frames_of(path, start=0.1, end=0.39)] == [1, 2]
    assert not caplog.records


@pytest.mark.parametrize("ending", ["webp", "png"])
def test_other_animations_with_alpha(tmp_path: Path, ending: str) -> None:
    images = [Image.fromarray(numbered_image(n * 5)).convert("RGBA") for n in range(3)]
    for image in images:
        image.putalpha(128)
    path = tmp_path / f"a.{ending}"
    images[0].save(path, save_all=True, append_images=images[1:], duration=[50, 90, 30], lossless=True)
    with open_video(path) as source:
        assert source.info.durations == pytest.approx((0.05, 0.09, 0.03))
        frame = next(iter(source))
    assert_colours(frame.image)
    assert frame.alpha is not None
    assert (frame.alpha * 255).round().unique().tolist() == [128]


@pytest.mark.parametrize(
    "name", ["with space.mp4", "🎨 d'été.mp4", "%d%03d.mp4", "-i.mp4", "a:b.mp4", "new\nline.mp4", "http:x.mp4"]
)
def test_strange_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clip(tmp_path / "a.mp4", count=3).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert [number(f.image) for f in frames_of(Path(name))] == [0, 1, 2]
    turned = Path("turned" + name)
    ffmpeg("-display_hflip", "-i", f"file:{tmp_path / name}", "-c", "copy", f"file:{tmp_path / turned}")
    assert len(frames_of(turned)) == 3


def bad_video(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / f"{kind}.mp4"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("Once upon a time\n" * 500)
    elif kind == "noise":
        path.write_bytes(np.random.default_rng(1).bytes(50_000))
    elif kind == "playlist":
        path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hosts\n")
    elif kind == "image":
        Image.fromarray(numbered_image(0)).save(path, "JPEG")
    elif kind == "headless":
        clip(tmp_path / "a.mp4")
        path.write_bytes((tmp_path / "a.mp4").read_bytes()[:800])
    elif kind == "sound":
        ffmpeg(*tone(), "-f", "mp4", path)
    elif kind == "cover":
        Image.fromarray(numbered_image(0)).save(tmp_path / "cover.jpg")
        ffmpeg(*tone(), "-i", tmp_path / "cover.jpg", "-map", 0, "-map", 1, "-c:v", "copy",
               "-disposition:v:0", "attached_pic", "-f", "ipod", path)  # fmt: skip
    return path


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("missing", "VS312"),
        ("folder", "VS311"),
        ("empty", "VS314"),
        ("text", "VS347"),
        ("noise", "VS343"),
        ("playlist", "VS346"),
        ("image", "VS345"),
        ("headless", "VS343"),
        ("sound", "VS349"),
        ("cover", "VS348"),
    ],
)
def test_refused_in_one_sentence(tmp_path: Path, kind: str, code: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = bad_video(tmp_path, kind)
    began = time.monotonic()
    with refused(code) as caught:
        open_video(path)
    assert time.monotonic() - began < 5
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    assert not str(caught.value).endswith(".")
    assert capfd.readouterr() == ("", "")


def test_library_is_silent_on_damage(long_clip: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = long_clip.read_bytes()
    long_clip.write_bytes(data[: len(data) * 2 // 3])
    with open_video(long_clip) as source:
        assert sum(1 for _ in source) > 20
    assert capfd.readouterr() == ("", "")


def test_find_images_in_natural_order(tmp_path: Path) -> None:
    for name in ("b10.png", "b9.PNG", "a.jpg", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    assert [p.name for p in find_images(tmp_path)] == ["a.jpg", "b9.PNG", "b10.png"]
    assert [p.name for p in find_images(tmp_path / "b*")] == ["b9.PNG", "b10.png"]
    with refused("VS352"):
        find_images(tmp_path / "z*.png")


def test_probe_itself_is_quiet_and_remarks(long_clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    long_clip.write_bytes(long_clip.read_bytes()[:-2000])
    (remark,) = probe(long_clip).remarks
    assert "damaged or cut off" in remark
    assert not caplog.records


def test_estimated_count_cuts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file too long to scan in time is judged by its first part and read to its real end."""
    from vidstyle.video import packets
    from vidstyle.video import probe as probing

    def cut_off(path: Path, seconds: float = 0, demuxer: str | None = None) -> packets.PacketTimes:
        return replace(scan(path), times=scan(path).times[:8], complete=False)

    scan = packets.packet_times
    path = with_sound(tmp_path / "a.mp4", clip(tmp_path / "silent.mp4", count=30), seconds=0.5)
    monkeypatch.setattr(probing, "packet_times", cut_off)
    with open_video(path) as source:
        assert not source.info.exact_count
        assert [number(f.image) for f in source] == list(range(30))
        monkeypatch.setattr(source, "info", replace(source.info, frame_count=20))
        assert len(list(source)) == 30
