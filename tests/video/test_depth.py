"""More than 8 bits, and opacity: from the file to the painter, and from there to the file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.clips import ffmpeg
from vidstyle.api import stylize
from vidstyle.core.frame_style import Frame
from vidstyle.errors import SettingsError
from vidstyle.settings.settings import Settings
from vidstyle.video.codecs import encoding_of
from vidstyle.video.encoder import Film
from vidstyle.video.muxer import Sink
from vidstyle.video.reader import open_video

SIZE = HEIGHT, WIDTH = 48, 96
TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def written(path: Path, pixels: str, data: bytes, *encoder: object, size: tuple[int, int] = SIZE) -> Path:
    """A video of raw frames."""
    raw = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{size[1]}x{size[0]}", "-r", "24000/1001", "-i", "-"]
    ffmpeg(*raw, *encoder, path, data=data)
    return path


def frames_of(path: Path, size: tuple[int, int] | None = None) -> list[Frame]:
    with open_video(path, size=size) as source:
        return list(source)


def test_the_chroma_of_vp8_lies_in_the_middle_of_pixels(tmp_path: Path) -> None:
    """A ramp of blue: half a pixel further to the right it has two levels more."""
    image = np.full((HEIGHT, 48, 4), 90, np.uint8)
    image[..., 2] = np.linspace(30, 230, 48).round()
    image[8:, :, 3], image[:8, :, 3] = 255, 128
    coding = ("-vf", "format=yuva420p", "-c:v", "libvpx", "-crf", 4, "-b:v", "8M", "-auto-alt-ref", 0)
    frames = frames_of(written(tmp_path / "a.webm", "rgba", image.tobytes() * 4, *coding, size=(HEIGHT, 48)))
    gap = (255 * frames[2].image.numpy()).transpose(1, 2, 0) - image[..., :3]
    assert abs(gap[16:-8, 8:-8, 2].mean()) < 1


def drifting_disc(count: int = 5) -> NDArray[np.uint8]:
    """(count, H, W, 4): a soft disc, seen through nowhere and everywhere, on colours that nobody is to see."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    images = []
    for n in range(count):
        opacity = np.clip(20 - np.hypot(y - 24, x - 24 - 6 * n), 0, 8) / 8
        image = np.stack([x * 2, y * 4, np.full_like(x, 60 + 10 * n), opacity * 255], -1)
        images.append(np.where(image[..., 3:] > 0, image, 255 * (n % 2) * (image < 999)))
        images[-1][..., 3] = opacity * 255
    return np.stack(images).astype(np.uint8)


def test_a_ramp_of_ten_bits_keeps_its_steps(tmp_path: Path) -> None:
    """As many greys as the file has, each as bright as BT.709 says: within an eighth of a level of 8 bits."""
    width = 880
    grey = np.broadcast_to(np.linspace(64, 940, width).round().astype("<u2"), (HEIGHT, width))
    chroma = np.full((2, HEIGHT // 2, width // 2), 512, "<u2")
    data = grey.tobytes() + chroma.tobytes()
    path = written(tmp_path / "a.mkv", "yuv420p10le", data, "-vf", TAGS, "-c:v", "ffv1", size=(HEIGHT, width))
    image = frames_of(path)[0].image
    assert (image - torch.from_numpy((grey - 64.0) / 876)).abs().max() * 255 < 0.13
    assert len(image[1, 0].unique()) == len(np.unique(grey)) > 3 * 256


@pytest.mark.parametrize("pixels", ["bgr0", "gbrp10le", "gbrp16le", "bgra", "gbrap10le", "gbrap16le"])
def test_what_is_not_painted_comes_out_as_it_went_in(tmp_path: Path, pixels: str) -> None:
    deep, alpha = pixels.endswith("le"), "a" in pixels[:4]
    bits = int(pixels[-4:-2]) if deep else 8
    channels = 3 if deep and not alpha else 4
    values = np.random.default_rng(3).integers(0, 2**bits, (3, *SIZE, channels)).astype("<u2" if deep else "u1")
    values[..., 3:] |= 2 ** (bits - 1) + 2 ** (bits - 3)  # what is seen by less is filled
    data = (values.transpose(0, 3, 1, 2) if deep else values).tobytes()
    path = written(tmp_path / "a.mkv", pixels, data, "-c:v", "ffv1")
    with open_video(path) as source:
        info = source.info
        film = Film(tmp_path / "b.mkv", SIZE, info.rate, None, 0, None, None, None, None, 0, "ffv1", pixels, alpha)
        with Sink(film) as sink:
            for frame in source:
                sink.write(frame.image, frame.alpha)
            sink.finish()
    assert info.transparent == alpha
    found = [np.frombuffer(ffmpeg("-i", file, "-f", "rawvideo", "-"), "u1") for file in (path, film.path)]
    if pixels == "bgr0":
        found = [one.reshape(-1, 4)[:, :3] for one in found]
    assert np.array_equal(*found)


SOURCES = {
    "prores": (".mov", "-c:v", "prores_ks", "-profile:v", 4, "-pix_fmt", "yuva444p10le"),
    "vp9": (".webm", "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-crf", 4, "-b:v", 0),
    "ffv1": (".mkv", "-c:v", "ffv1", "-pix_fmt", "bgra"),
    "qtrle": (".mov", "-c:v", "qtrle", "-pix_fmt", "argb"),
    "png": (".mov", "-c:v", "png", "-pix_fmt", "rgba"),
}


@pytest.mark.parametrize("codec", SOURCES)
def test_opacity_comes_in(tmp_path: Path, codec: str) -> None:
    ending, *encoder = SOURCES[codec]
    wanted = drifting_disc()
    frames = frames_of(written(tmp_path / f"a{ending}", "rgba", wanted.tobytes(), *encoder))
    assert len(frames) == len(wanted)
    for frame, image in zip(frames, wanted, strict=True):
        assert frame.alpha is not None
        assert np.abs(frame.alpha[0].numpy() * 255 - image[..., 3]).max() <= (4 if codec == "vp9" else 0.51)
        if codec != "vp9":
            found = frame.image.permute(1, 2, 0).numpy() * 255
            assert np.abs(found - image[..., :3])[image[..., 3] >= 128].max() <= (3 if codec == "prores" else 0.51)


def test_reading_begins_anywhere(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mkv", "rgba", drifting_disc(9).tobytes(), "-c:v", "ffv1")
    with open_video(path) as source:
        frames = list(source)
        for position in (0, 3, 8):
            rest = list(source.frames_from(position))
            assert [frame.mark for frame in rest] == [frame.mark for frame in frames[position:]]
            assert torch.equal(rest[0].image, frames[position].image)


@pytest.mark.parametrize("passes", [1, 2])
def test_a_painting_is_as_transparent_as_the_film(tmp_path: Path, settings: Settings, style: Path, passes: int) -> None:
    """The colours that nobody sees are others in every frame, and change nothing."""
    films, opacity = [], drifting_disc(4)[..., 3:]
    for colour in (0, 200):
        images = np.where(opacity > 0, drifting_disc(4), colour).astype(np.uint8)
        images[..., 3:] = opacity
        path = written(tmp_path / f"{colour}.mkv", "rgba", images.tobytes(), "-c:v", "ffv1")
        stylize(path, [style], tmp_path / f"out{colour}.mkv", settings.replace(size="full", passes=passes))
        films.append(frames_of(tmp_path / f"out{colour}.mkv"))
    for one, other, alpha in zip(*films, opacity, strict=True):
        assert one.alpha is not None
        assert other.alpha is not None
        assert np.abs(one.alpha[0].numpy() * 255 - alpha[..., 0]).max() <= 0.26
        assert torch.equal(one.image, other.image)


def test_hidden_colours_count_for_nothing_at_any_size(tmp_path: Path) -> None:
    """Nor where pixels are mixed, as those that are not square are."""
    frames, disc = [], drifting_disc(1)
    for colour in (0, 255):
        image = np.where(disc[..., 3:] > 0, disc, colour).astype(np.uint8)
        image[..., 3] = disc[..., 3]
        path = written(tmp_path / f"{colour}.mkv", "rgba", image.tobytes(), "-vf", "setsar=4/3", "-c:v", "ffv1")
        frames.append(frames_of(path, size=(30, 70))[0])
    assert torch.equal(frames[0].image, frames[1].image)
    assert frames[0].alpha is not None
    assert frames[0].alpha.shape == (1, 30, 70)


def test_a_film_that_is_hidden_for_a_while_is_read(tmp_path: Path) -> None:
    images = drifting_disc(3)
    images[1, ..., 3] = 0
    frames = frames_of(written(tmp_path / "a.mkv", "rgba", images.tobytes(), "-c:v", "ffv1"))
    assert [bool(frame.alpha is not None and frame.alpha.any()) for frame in frames] == [True, False, True]
    assert all(bool(frame.image.isfinite().all()) for frame in frames)


TOLERANCES = {".mov": 0.51, ".mkv": 0.26, ".webm": 5, ".webp": 0.51, ".png": 0.51, ".gif": 128}


@pytest.mark.parametrize("ending", TOLERANCES)
def test_opacity_goes_out(tmp_path: Path, ending: str) -> None:
    """Each in its time too, joined of several segments' worth of frames."""
    wanted = drifting_disc(9)
    film = Film(tmp_path / f"a{ending}", SIZE, Fraction(24000, 1001), transparent=True)
    with Sink(film) as sink:
        for image in torch.from_numpy(wanted).permute(0, 3, 1, 2).float() / 255:
            sink.write(image[:3], image[3:])
        sink.finish()
    with open_video(film.path) as source:
        found = list(source)
        assert source.info.durations or source.info.rate == film.rate
    assert len(found) == len(wanted)
    for frame, image in zip(found, wanted, strict=True):
        assert frame.alpha is not None
        assert np.abs(frame.alpha[0].numpy() * 255 - image[..., 3]).max() <= TOLERANCES[ending]


def test_where_there_is_no_place_for_it_the_film_is_laid_on_white(tmp_path: Path) -> None:
    film = Film(tmp_path / "a.mp4", SIZE, Fraction(25), transparent=True, pixel_format="yuv444p", grade=0)
    with Sink(film) as sink:
        sink.write(torch.zeros(3, *SIZE), torch.full((1, *SIZE), 0.25))
        sink.finish()
    (frame,) = frames_of(film.path)
    assert frame.alpha is None
    assert (frame.image - 0.75).abs().max() < 2 / 255


@examples(max_examples=30)
@given(st.sampled_from([".mp4", ".mov", ".mkv", ".webm", ".m4v"]), st.booleans())
def test_auto_keeps_opacity_where_the_kind_of_file_can(ending: str, transparent: bool) -> None:
    encoding = encoding_of(ending, transparent=transparent)
    assert encoding.alpha == (transparent and ending not in (".mp4", ".m4v"))
    assert transparent or encoding == encoding_of(ending)


@pytest.mark.parametrize(
    ("ending", "codec", "pixels", "quality", "code"),
    [
        (".mp4", "vp9", "yuva420p", None, "VS271"),
        (".mov", "prores", "yuva444p10le", 3, "VS272"),
        (".mkv", "h264", "yuva420p", None, "VS271"),
    ],
)
def test_opacity_that_cannot_be_is_refused(
    ending: str, codec: str, pixels: str, quality: int | None, code: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        encoding_of(ending, codec, pixels, quality, transparent=True)
    assert caught.value.code == code


def test_a_profile_without_opacity_is_taken_at_its_word() -> None:
    assert not encoding_of(".mov", quality=3, transparent=True).alpha
    assert encoding_of(".mov", quality=5, transparent=True).alpha
    assert encoding_of(".mov", pixel_format="yuva444p10le").alpha
