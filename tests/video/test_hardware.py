"""Hardware encoders: tried by encoding a frame, chosen by their own options, refused in one line where none works."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from tests.films import two_shots
from tests.refusals import refused
from tests.video.test_muxer import segments_of
from vidstyle.jobs.spec import JobSpec
from vidstyle.settings.settings import Settings
from vidstyle.video import ffmpeg
from vidstyle.video.codecs import CODECS, encoding_of
from vidstyle.video.encoder import Film, SegmentFile
from vidstyle.video.hardware import ANY, INTERFACES, SOFTWARE, hardware_options, problem_of, working_interface
from vidstyle.video.probe import probe

PAIRS = [(interface, codec) for interface, codecs in INTERFACES.items() for codec in codecs]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return two_shots(tmp_path / "clip.mp4", count=2)


def works(interface: str, codec: str) -> bool:
    return not problem_of(interface, codec)


def test_the_option_has_each_interface() -> None:
    assert get_args(get_type_hints(Settings)["encoder"]) == (SOFTWARE, ANY, *INTERFACES)


@pytest.mark.parametrize(("interface", "codec"), PAIRS)
def test_ffmpeg_knows_the_options(interface: str, codec: str) -> None:
    """It checks them before it looks for the hardware: what fails then is the hardware."""
    known = ffmpeg.run(["-h", f"encoder={codec}_{interface}"]).output.decode()
    if "is not recognized" in known:
        pytest.skip(f"this ffmpeg has no {codec}_{interface}")
    options = hardware_options(interface, codec, 20)
    assert options[:2] == ("-c:v", f"{codec}_{interface}")
    assert "option" not in problem_of(interface, codec).lower()
    for name in options[2:-1:2]:
        if name not in ("-b:v", "-global_quality", "-tag:v", "-init_hw_device", "-filter_hw_device"):  # of all
            assert f" {name} " in known


@pytest.mark.parametrize(("interface", "codec"), PAIRS)
def test_quality_is_given_in_the_scale_of_the_interface(interface: str, codec: str) -> None:
    low, high = CODECS[codec].qualities
    place = -3 if codec == "hevc" else -1  # before the tag
    found = [int(hardware_options(interface, codec, quality)[place]) for quality in range(low, high + 1)]
    assert 0 not in found, "which would be no wish"
    quantisers = 255 if codec in ("av1", "vp9") else 51
    assert found[-1] == {"nvenc": high, "qsv": 51, "videotoolbox": 1}.get(interface, quantisers)
    assert found == sorted(found, reverse=interface == "videotoolbox")
    assert len(set(found)) > 40


def test_software_is_what_it_was() -> None:
    assert encoding_of(".mp4").options == ("-c:v", "libx264", "-preset", "medium", "-crf", "18")
    assert encoding_of(".mp4", encoder=SOFTWARE) == encoding_of(".mp4")


@pytest.mark.parametrize(("interface", "codec"), PAIRS)
def test_hardware_takes_pixels_that_all_of_it_has(interface: str, codec: str) -> None:
    ending = CODECS[codec].endings[0]
    found = encoding_of(ending, codec, encoder=interface)
    assert found.pixel_format == CODECS[codec].pixel_formats[0]
    assert found.muxer == CODECS[codec].muxer
    assert bool(found.upload) == (interface == "vaapi")
    with refused("VS271", "yuv444p", codec):
        encoding_of(ending, codec, "yuv444p", encoder=interface)


def test_transparent_video_is_laid_on_white_by_hardware() -> None:
    for ending in (".mov", ".mkv", ".webm"):
        assert encoding_of(ending, transparent=True).alpha
        assert not encoding_of(ending, transparent=True, encoder="qsv").alpha


def test_codecs_and_files_that_hardware_does_not_have_are_refused(tmp_path: Path) -> None:
    with refused("VS283", "nvenc", "vp9", "av1"):
        encoding_of(".webm", encoder="nvenc")
    with refused("VS283", "qsv", "prores"):
        encoding_of(".mov", "prores", encoder="qsv")
    with refused("VS274", ".gif"):
        encoding_of(".gif", encoder="nvenc")


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_segment_by_hardware_is_whole_or_refused(tmp_path: Path, interface: str) -> None:
    film = Film(tmp_path / "out.mp4", (256, 320), Fraction(25), encoder=interface)
    if not works(interface, "h264"):
        with refused("VS284", "h264", interface, problem_of(interface, "h264")), SegmentFile(tmp_path / "a.mp4", film):
            pass
        assert not list(tmp_path.iterdir())
        return
    [path] = segments_of(film, [3], tmp_path / "segments")
    assert probe(path).frame_count == 3


def test_a_job_takes_the_first_that_works_or_names_all_that_do_not(tmp_path: Path, clip: Path, style: Path) -> None:
    asked = Settings(encoder="hardware", codec="hevc")
    known = [interface for interface, codecs in INTERFACES.items() if "hevc" in codecs]
    working = [interface for interface in known if works(interface, "hevc")]
    if working:
        assert JobSpec.of(clip, [style], tmp_path / "out.mp4", asked).settings.encoder == working[0]
    else:
        with refused("VS284", "hevc", *known):
            JobSpec.of(clip, [style], tmp_path / "out.mp4", asked)
    with refused("VS284", "prores"):
        working_interface("prores")
    with refused("VS274", ".gif"):
        JobSpec.of(clip, [style], tmp_path / "out.gif", asked)
    with refused("VS279", ".png"):
        JobSpec.of(clip, [style], tmp_path / "frames", asked)
