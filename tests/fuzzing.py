"""What is fuzzed: one function for each way in, which takes any case in a limited time or raises what a user can read.

`tests/test_fuzzing.py` runs some cases of each, ``benchmarks/fuzz.py`` 10,000 and more.
"""

import contextlib
import faulthandler
import io
import json
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import safetensors.torch
import tomli_w
import torch
from hypothesis import strategies as st

from tests import clips
from tests.bad_inputs import FAST, encoded
from tests.images import random_tensors
from vidstyle.cli import main as cli
from vidstyle.core.losses import Losses
from vidstyle.core.stylize_image import Painted
from vidstyle.core.temporal import Linked, PaintedFrame, ShotState
from vidstyle.core.weights import read_filters
from vidstyle.errors import JobError, SettingsError, SourceError, VidstyleError, WeightsError
from vidstyle.images import load_image
from vidstyle.jobs.checkpoint import WorkFolder, link_bytes, link_of
from vidstyle.jobs.manifest import SCHEMA
from vidstyle.settings.keyframes import parse_number_keys, parse_shares, parse_style_keys, to_seconds
from vidstyle.settings.layers import parse_layers
from vidstyle.settings.settings import Settings
from vidstyle.settings.toml import load_settings
from vidstyle.studies.layer_figures import axes_of
from vidstyle.video.probe import probe

LIMIT = 60.0  # seconds that one case may take: five minutes of one image are read
ENDINGS = ("mp4", "mkv", "avi", "ts", "webm", "mov", "flv", "gif", "y4m", "h264")


class TimeLimitError(Exception):
    """A case took too long."""


@contextlib.contextmanager
def limited(seconds: float = LIMIT) -> Iterator[None]:
    """TimeLimitError after so many seconds; what cannot even be interrupted ends the process a minute later."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeLimitError(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(seconds + 60, exit=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def readable(error: VidstyleError, *names: str) -> None:
    """A message is not empty, and names what it is about."""
    text = str(error)
    assert text.strip(), repr(error)
    assert all(name in text for name in names), text


# Syntax --------------------------------------------------------------------------------------------------------------

GRAMMAR = [
    "conv1_1",
    "conv5_4",
    "conv",
    "style",
    "strength",
    "A",
    "B",
    "Z",
    "0s",
    "1:30",
    "1e308",
    "9" * 320,
    "nan",
    "inf",
]
PIECES = st.one_of(
    st.sampled_from([*GRAMMAR, *"=,:+*-_.; 0123456789s", "−", "٣", "ß", "\0", "\n"]), st.text(max_size=3)
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)


def syntax(text: str) -> None:
    """Layers, keys, shares, times and grids."""
    parsers: tuple[Callable[[str], Any], ...] = (parse_layers, parse_number_keys, parse_style_keys, parse_shares)
    for parse in parsers:
        try:
            found = parse(text)
        except SettingsError as error:
            readable(error)
        else:
            numbers = json.dumps(found, default=lambda key: [key.seconds, *key.values])
            assert "NaN" not in numbers
            assert "Infinity" not in numbers
    with contextlib.suppress(ValueError):
        assert 0 <= to_seconds(text) < float("inf")
    with contextlib.suppress(SettingsError):
        axes_of(text, Settings(), ["a", "b"])


# Settings ------------------------------------------------------------------------------------------------------------

NAMES = [field.name for field in fields(Settings)]
NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(), st.booleans())
VALUES = st.one_of(
    NUMBERS, TEXTS, st.sampled_from(["dis", "gram", "quasi-newton", "full", "32", "conv1_1", "content", "sums"])
)
TABLES = st.dictionaries(st.one_of(st.sampled_from([*NAMES, "preset"]), TEXTS), VALUES, max_size=4)
FILES = st.one_of(st.binary(max_size=200), TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")), TABLES)


def settings(content: bytes | dict[str, Any]) -> None:
    """Files of settings."""
    if isinstance(content, dict):
        try:
            content = tomli_w.dumps(content).encode()
        except (UnicodeEncodeError, ValueError):
            return
    file = scratch() / "settings.toml"
    file.write_bytes(content)
    try:
        load_settings(file)
    except SettingsError as error:
        readable(error, "settings.toml")


# Bytes that change ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One change of a file: what happens at which place, as shares of its length, and with which bytes."""

    kind: str
    place: float
    length: float
    data: bytes

    def __call__(self, old: bytes) -> bytes:
        first = int(self.place * len(old))
        last = min(len(old), first + 1 + int(self.length**3 * len(old)))
        middle = {
            "cut": lambda: b"",
            "put": lambda: self.data + old[first:last],
            "write": lambda: (self.data * (1 + (last - first) // max(1, len(self.data))))[: last - first],
            "twice": lambda: old[first:last] * 2,
            "flip": lambda: bytes([old[first] ^ 1 << (len(self.data) % 8)]) + old[first + 1 : last] if old else b"",
        }[self.kind]()
        return old[:first] if self.kind == "end" else old[:first] + middle + old[last:]


SHARES = st.floats(0, 0.9999)
CHANGES = st.builds(
    Change,
    st.sampled_from(["cut", "put", "write", "twice", "flip", "flip", "flip"]),
    SHARES,
    SHARES,
    st.one_of(
        st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0"]), st.binary(max_size=8)
    ),
)


def changed(data: bytes, changes: list[Change]) -> bytes:
    for change in changes:
        data = change(data)
    return data


def of_bytes(count: int) -> st.SearchStrategy[tuple[int, list[Change]]]:
    """Which of `count` files, and how it changes."""
    return st.tuples(st.integers(0, count - 1), st.lists(CHANGES, min_size=1, max_size=6))


@cache
def scratch() -> Path:
    """A folder of this process."""
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


@cache
def films() -> tuple[tuple[str, bytes], ...]:
    """Small films of every kind."""
    place = scratch()
    clips.clip(place / "film.mkv", count=6, size=(24, 32))
    clips.ffmpeg("-i", place / "film.mkv", *clips.tone(0.24), "-c:v", "copy", "-c:a", "aac", place / "film.mp4")
    found = []
    for ending in ENDINGS:
        film = place / f"film.{ending}"
        if not film.exists():
            clips.ffmpeg("-i", place / "film.mp4", *(["-an"] if ending in ("gif", "y4m", "h264") else []), film)
        found.append((ending, film.read_bytes()))
    return tuple(found)


def films_probed(case: tuple[int, list[Change]]) -> None:
    """A damaged film is looked at."""
    ending, data = films()[case[0]]
    file = scratch() / f"damaged.{ending}"
    file.write_bytes(changed(data, case[1]))
    try:
        info = probe(file)
    except SourceError as error:
        readable(error)
    else:
        assert min(info.size) > 0
        assert info.rate > 0
        assert info.seconds >= 0


@cache
def images() -> tuple[tuple[str, bytes], ...]:
    names = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tif", "BMP": "bmp", "GIF": "gif"}
    return tuple((ending, encoded(kind, (24, 16))) for kind, ending in names.items())


def images_read(case: tuple[int, list[Change]]) -> None:
    """A damaged image is read."""
    ending, data = images()[case[0]]
    file = scratch() / f"damaged.{ending}"
    file.write_bytes(changed(data, case[1]))
    try:
        image = load_image(file)
    except SourceError as error:
        readable(error)
    else:
        assert torch.isfinite(image.rgb).all()


@cache
def filters_file() -> bytes:
    return safetensors.torch.save(random_tensors("conv1_1"))


@cache
def pickled_file() -> bytes:
    file = io.BytesIO()
    torch.save(random_tensors("conv1_1"), file)
    return file.getvalue()


def filters_read(case: tuple[int, list[Change]]) -> None:
    """A damaged file of filters is read."""
    ending, data = (("safetensors", filters_file()), ("pth", pickled_file()))[case[0]]
    file = scratch() / f"damaged.{ending}"
    file.write_bytes(changed(data, case[1]))
    try:
        filters = read_filters(file, "conv1_1")
    except WeightsError as error:
        readable(error)
    else:
        assert all(torch.isfinite(tensor).all() for tensor in filters.tensors.values())


# Jobs ----------------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)
MANIFEST_KEYS = ["schema", "job", "key", "size", "frames", "scenes", "marks", "rewritten", "machine"]
JOB_KEYS = ["source", "styles", "settings", "mask", "style_masks", "device", "start", "end", "report", "no_limits"]
MANIFESTS = st.tuples(
    st.dictionaries(st.sampled_from(MANIFEST_KEYS), JSON, max_size=3),
    st.dictionaries(st.sampled_from(JOB_KEYS), JSON, max_size=3),
    st.lists(CHANGES, max_size=2),
)


@cache
def manifest() -> dict[str, Any]:
    (scratch() / "style.png").write_bytes(encoded("PNG", (24, 16)))
    films()
    job = {"source": str(scratch() / "film.mp4"), "styles": [str(scratch() / "style.png")], "settings": {}}
    job |= {"mask": None, "style_masks": [], "device": "cpu", "start": 0.0, "end": None}
    job |= {"report": False, "keep_work": False, "no_limits": False}
    scenes = {"cuts": [3], "exposures": {}, "shows": {}, "bars": [0, 0, 0, 0]}
    facts = {"schema": SCHEMA, "job": job, "key": {}, "size": [24, 32], "frames": 6, "scenes": scenes}
    return facts | {"marks": {"0": "x"}, "rewritten": False, "machine": {}}


def jobs_found(case: tuple[dict[str, Any], dict[str, Any], list[Change]]) -> None:
    """A damaged manifest is read, and the job in it."""
    facts = manifest() | case[0]
    if isinstance(facts["job"], dict):
        facts = facts | {"job": facts["job"] | case[1]}
    folder = scratch() / "out.mp4.vidstyle"
    folder.mkdir(exist_ok=True)
    text = json.dumps(facts).encode("utf-8", "surrogatepass")
    (folder / "job.json").write_bytes(changed(text, case[2]))
    try:
        WorkFolder(folder).job()
    except VidstyleError as error:
        readable(error)


def linked() -> Linked:
    from vidstyle.core.frame_style import Frame

    image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    painted = Painted(image, Losses(), 1, 0.0)
    frame = Frame(0, 0.0, image)
    return Linked(frame, ShotState.of_opener(frame, painted), opens=True)


@cache
def state() -> bytes:
    return link_bytes(linked())


def states_read(case: tuple[int, list[Change]]) -> None:
    """A damaged state between two segments is read."""
    file = scratch() / "state.safetensors"
    file.write_bytes(changed(state(), case[1]))
    try:
        link_of(file, torch.device("cpu"))
    except JobError as error:
        readable(error)


# The whole command ---------------------------------------------------------------------------------------------------

_OPTIONS = (
    "steps size from to preset loss style-layers mask report loop style-keys device flow passes weights at ray style"
)
_COMMANDS = "weights report plan join progress texture doctor -o --help --no-such"
OPTIONS = [*(f"--{name}" for name in _OPTIONS.split()), *_COMMANDS.split()]
LINES = st.lists(
    st.one_of(st.sampled_from(OPTIONS), TEXTS, st.sampled_from(["a.mp4", "x.png", "3", "cpu"])), max_size=6
)


def words(line: list[str]) -> None:
    """Any words: nothing of that name is there, so nothing can be painted."""
    if {"doctor", "weights", "--ray"} & set(line):
        return
    code, said = command([f"nowhere/{word}" if not word.startswith("-") and "." in word else word for word in line])
    assert code in (0, 1, 2), (code, said)


def unpainted(model: Any, frames: Any, *_: Any) -> Iterator[tuple[PaintedFrame, Linked]]:
    """A style model that does nothing."""
    for frame in frames:
        painted = Painted(frame.image, Losses(), 1, 0.0)
        yield PaintedFrame(frame, painted), Linked(frame, ShotState.of_opener(frame, painted), opens=True)


def films_painted(case: tuple[int, list[Change]]) -> None:
    """A damaged film goes through the whole command, with a model that does nothing."""
    ending, data = films()[case[0]]
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        place = Path(name)
        (place / f"clip.{ending}").write_bytes(changed(data, case[1]))
        (place / "style.png").write_bytes(encoded("PNG", (24, 16)))
        (place / "filters.safetensors").write_bytes(conv2_1())
        files = ["--style", str(place / "style.png"), "--weights", str(place / "filters.safetensors")]
        out = place / "out.mp4"
        known = set(place.iterdir())
        with patch("vidstyle.jobs.segments.paint_part", unpainted):
            code, said = command([str(place / f"clip.{ending}"), *files, "-o", str(out), *FAST])
        assert code in (0, 1), (code, said)
        assert set(place.iterdir()) - known == ({out} if code == 0 else set()), said
        if code == 0:
            assert probe(out).frame_count > 0


@cache
def conv2_1() -> bytes:
    return safetensors.torch.save(random_tensors("conv2_1"))


def command(line: list[str]) -> tuple[int, str]:
    """The exit code of a command line, and what it said: at most one line of error, and no fault of ours."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(line)
    said = err.getvalue()
    assert "Traceback" not in said
    assert "a fault of vidstyle" not in said, said
    assert len([text for text in said.splitlines() if text.startswith("vidstyle: ")]) == (code != 0), said
    return code, said


@dataclass(frozen=True)
class Target:
    """A way in: what is tried, and its share of all cases."""

    strategy: st.SearchStrategy[Any]
    run: Callable[[Any], None]
    share: float


TARGETS: dict[str, Target] = {
    "syntax": Target(TEXTS, syntax, 0.3),
    "settings": Target(FILES, settings, 0.15),
    "words": Target(LINES, words, 0.1),
    "jobs": Target(MANIFESTS, jobs_found, 0.1),
    "states": Target(of_bytes(1), states_read, 0.05),
    "filters": Target(of_bytes(2), filters_read, 0.05),
    "images": Target(of_bytes(6), images_read, 0.1),
    "films probed": Target(of_bytes(len(ENDINGS)), films_probed, 0.1),
    "films painted": Target(of_bytes(len(ENDINGS)), films_painted, 0.05),
}
