"""Numbered images in and out: names, order, what is told, and that nothing of a value is lost on the way."""

import shutil
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.images import clouds
from vidstyle.errors import SettingsError, SinkError, SourceError
from vidstyle.exr import exr_bytes, linear_of, read_exr, srgb_of
from vidstyle.images import load_image, save_image
from vidstyle.limits import LIMITS
from vidstyle.video.frame_names import FrameNames
from vidstyle.video.image_sequence import ImageArchive, ImageSequence, image_encoding_of, is_sequence, unpack_archives
from vidstyle.video.sequence import find_sequence, open_sequence, parse_rate

RANDOM = np.random.default_rng(0)


def deep_images(folder: Path, count: int = 3, ending: str = "png") -> list[np.ndarray]:
    """Images of 16 bits with all kinds of values, by the numbers from 1001 on."""
    folder.mkdir(exist_ok=True)
    images = [RANDOM.integers(0, 65536, (9, 7, 3)).astype(np.uint16) for _ in range(count)]
    for number, image in enumerate(images, 1001):
        assert cv2.imwrite(str(folder / f"shot.{number}.{ending}"), image)
    return images


def small(folder: Path, *numbers: int, name: str = "a.{:04}.png") -> Path:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        save_image(folder / name.format(number), clouds(8, 12, seed=number))
    return folder


def copied(pattern: Path, out: Path, scratch: Path) -> ImageSequence:
    """Writes a sequence as it is, in archives of two images."""
    scratch.mkdir(exist_ok=True)
    archives = list[Path]()
    with open_sequence(pattern) as source:
        film = ImageSequence(out, source.info.size, source.number_of, source.names, deep=source.deep)
        frames = list(source)
        for first in range(0, len(frames), 2):
            with ImageArchive(scratch / f"{first}.zip", film) as archive:
                for frame in frames[first : first + 2]:
                    archive.write(frame.image)
                archives.append(archive.finish())
    assert unpack_archives(archives, film, len(frames), scratch=scratch) == out
    return film


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_16_bits_come_back_to_the_bit(tmp_path: Path, ending: str) -> None:
    images = deep_images(tmp_path / "in", ending=ending)
    copied(tmp_path / "in" / f"shot.%04d.{ending}", tmp_path / f"out_####.{ending}", tmp_path / "work")
    for number, image in enumerate(images, 1001):
        again = cv2.imread(str(tmp_path / f"out_{number}.{ending}"), cv2.IMREAD_UNCHANGED)
        assert again.dtype == np.uint16
        assert (again == image).all()


def test_half_floats_come_back_to_the_bit(tmp_path: Path) -> None:
    halves = np.arange(0x3C01, dtype=np.uint16).view(np.float16).astype(np.float32)
    (tmp_path / "s.01.exr").write_bytes(exr_bytes(srgb_of(np.resize(halves, (72, 72, 3)))))
    copied(tmp_path / "s.%02d.exr", tmp_path / "t.%02d.exr", tmp_path / "work")
    again = linear_of(read_exr((tmp_path / "t.01.exr").read_bytes(), "t", LIMITS).rgb)
    assert (again.astype(np.float16) == np.resize(halves, (72, 72, 3)).astype(np.float16)).all()


def test_a_folder_appears_whole_with_the_names_of_the_source(tmp_path: Path) -> None:
    deep_images(tmp_path / "in")
    copied(tmp_path / "in", tmp_path / "out", tmp_path / "work")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [f"shot.{n}.png" for n in (1001, 1002, 1003)]
    assert not [path for path in (tmp_path / "work").iterdir() if path.suffix != ".zip"]


def test_other_files_of_a_folder_stay_and_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    images, out = deep_images(tmp_path / "in"), tmp_path / "out"
    out.mkdir()
    kept = dict.fromkeys(("notes.txt", "shot.0999.png"), b"old")
    for name in (*kept, "shot.1002.png"):
        (out / name).write_bytes(b"old")
    copied(tmp_path / "in", out, tmp_path / "work")
    assert {name: (out / name).read_bytes() for name in kept} == kept
    assert (cv2.imread(str(out / "shot.1002.png"), cv2.IMREAD_UNCHANGED) == images[1]).all()
    assert len(caplog.records) == 1


def test_a_broken_archive_leaves_nothing(tmp_path: Path) -> None:
    film = ImageSequence(tmp_path / "out", (8, 12), lambda position: position)
    with ImageArchive(tmp_path / "a.zip", film) as archive:
        archive.write(torch.zeros(3, 8, 12))
        archive.finish()
    for count, data, code in ((2, b"", "VS443"), (1, b"no archive", "VS440")):
        if data:
            (tmp_path / "a.zip").write_bytes(data)
        with pytest.raises(SinkError) as caught:
            unpack_archives([tmp_path / "a.zip"], film, count, scratch=tmp_path)
        assert caught.value.code == code
        assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("pattern", ["a.%04d.png", "a.####.png", "."])
def test_images_are_read_in_the_order_of_their_numbers(tmp_path: Path, pattern: str) -> None:
    small(tmp_path, 9999, 8, 10000)
    names, files = find_sequence(tmp_path / pattern)
    assert list(files) == [8, 9999, 10000]
    assert files[10000] == names.path(10000)


def test_a_part_of_it_in_seconds(tmp_path: Path) -> None:
    small(tmp_path, *range(5, 11))
    with open_sequence(tmp_path / "a.%04d.png", rate=Fraction(2), start=1, end=2.5) as source:
        assert [frame.seconds for frame in source] == [1, 1.5, 2]
        assert [source.number_of(position) for position in range(len(source))] == [7, 8, 9]


@pytest.mark.parametrize(("numbers", "told"), [((1, 2, 3), False), ((2, 4, 6), False), ((1, 2, 4, 9), True)])
def test_gaps_are_told(tmp_path: Path, numbers: tuple[int, ...], told: bool, caplog: pytest.LogCaptureFixture) -> None:
    with open_sequence(small(tmp_path, *numbers) / "a.%04d.png") as source:
        assert len(list(source)) == len(numbers)
    assert [("[VS365]" in record.message) for record in caplog.records] == [True] * told


def test_opacity_is_read_and_what_it_hides_is_not(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    alpha = torch.zeros(1, 8, 8)
    alpha[:, :, :4] = 1
    for number in range(3):
        hidden = torch.rand(3, 8, 8, generator=generator)
        save_image(tmp_path / f"a{number}.png", torch.where(alpha > 0, 0.2, hidden), alpha)
    with open_sequence(tmp_path / "a%d.png") as source:
        for frame in source:
            assert frame.alpha is not None
            assert torch.equal(frame.alpha, alpha)
            assert torch.allclose(frame.image, torch.full((3, 8, 8), 0.2), atol=1 / 255)


def test_an_image_that_is_empty_is_white(tmp_path: Path) -> None:
    save_image(tmp_path / "a0.png", torch.zeros(3, 8, 8), torch.zeros(1, 8, 8))
    with open_sequence(tmp_path / "a%d.png") as source:
        assert all(bool((frame.image == 1).all()) for frame in source)


def test_transparency_that_the_first_image_lacks_is_laid_on_white_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_image(tmp_path / "a0.png", torch.zeros(3, 8, 8))
    for number in (1, 2):
        save_image(tmp_path / f"a{number}.png", torch.zeros(3, 8, 8), torch.zeros(1, 8, 8))
    with open_sequence(tmp_path / "a%d.png") as source:
        whole, *empty = source
    assert not whole.image.any()
    assert all(bool((frame.image == 1).all()) and frame.alpha is None for frame in empty)
    assert len(caplog.records) == 1


def test_opacity_comes_back_bit_for_bit(tmp_path: Path) -> None:
    alpha = torch.arange(64).reshape(1, 8, 8) / 64
    save_image(tmp_path / "a0.png", torch.full((3, 8, 8), 0.2), alpha, bits=16)
    with open_sequence(tmp_path / "a%d.png") as source:
        (frame,) = source
        film = ImageSequence(tmp_path / "out.%d.png", (8, 8), source.number_of, source.names, deep=True)
        with ImageArchive(tmp_path / "one.zip", film) as archive:
            archive.write(frame.image, frame.alpha)
            archive.finish()
        unpack_archives([archive.path], film, 1, scratch=tmp_path)
    before, after = (load_image(tmp_path / name).alpha for name in ("a0.png", "out.0.png"))
    assert before is not None
    assert after is not None
    assert torch.equal(before, after)


def test_what_is_no_sequence_is_refused(tmp_path: Path) -> None:
    folder = small(tmp_path / "two", 1, 2)
    small(folder, 1, name="b.{}.png")
    small(tmp_path / "sizes", 1)
    save_image(tmp_path / "sizes" / "a.0002.png", clouds(10, 12))
    for place, code in ((folder, "VS362"), (folder / "c.%d.png", "VS361"), (tmp_path / "sizes", "VS363")):
        with pytest.raises(SourceError) as caught, open_sequence(place) as source:
            list(source)
        assert caught.value.code == code


def test_a_source_that_changes_or_goes_is_noticed(tmp_path: Path) -> None:
    with open_sequence(small(tmp_path, 1, 2) / "a.%04d.png") as source:
        source.check_unchanged()
        save_image(tmp_path / "a.0002.png", clouds(9, 12))
        with pytest.raises(SourceError) as changed:
            source.check_unchanged()
        (tmp_path / "a.0001.png").unlink()
        with pytest.raises(SourceError) as gone:
            source.check_there()
    assert (changed.value.code, gone.value.code) == ("VS353", "VS354")


def test_a_file_of_that_very_name_is_no_pattern(tmp_path: Path) -> None:
    small(tmp_path, 1)
    shutil.copy(tmp_path / "a.0001.png", tmp_path / "a.%04d.png")
    assert FrameNames.of_pattern(tmp_path / "a.%04d.png") is None


def test_what_is_written_as_images() -> None:
    images = ["frames", "a.%04d.png", "a.##.exr", "dir/%d.jpg"]
    assert (
        list(map(is_sequence, map(Path, [*images, "a.mp4", "a%d.mp4", "a#.png", "a.png"]))) == [True] * 4 + [False] * 4
    )


RATES = {"24": "24", "7": "7", "12.5": "25/2", "0.5": "1/2", "24000/1001": "24000/1001", "23.976": "24000/1001"}


@pytest.mark.parametrize(("text", "rate"), [*RATES.items(), ("23.98", "24000/1001"), ("29.97", "30000/1001")])
def test_rates(text: str, rate: str) -> None:
    assert parse_rate(text) == Fraction(rate)


@pytest.mark.parametrize("text", ["0", "-25", "25/0", "fast", "nan", "1e3", "1001", "9" * 5000, "/", ""])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_rate(text)
    assert caught.value.code == "VS275"


def test_depths() -> None:
    assert image_encoding_of(".png").bits == image_encoding_of(".jpg", deep=True).bits == 8
    assert image_encoding_of(".tif", deep=True).bits == image_encoding_of(".png", pixel_format="rgb48le").bits == 16
    assert image_encoding_of(".exr", deep=True).bits == 16
    assert image_encoding_of(".exr", pixel_format="gbrpf32le").bits == 32
    for ending, options, code in (
        (".png", {"codec": "h264"}, "VS279"),
        (".jpg", {"pixel_format": "rgb48le"}, "VS280"),
        (".png", {"quality": 3}, "VS273"),
        (".jpg", {"quality": 101}, "VS272"),
    ):
        with pytest.raises(SettingsError) as caught:
            image_encoding_of(ending, **options)
        assert caught.value.code == code
