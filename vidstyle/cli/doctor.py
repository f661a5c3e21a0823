"""``vidstyle doctor``: whether this machine has what the program needs, and what to do where it lacks."""

import json as json_format
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console

from vidstyle.cli.messages import memory, some
from vidstyle.cli.options import RUNNING, Switch
from vidstyle.cli.terminal import Terminal, error_console, logging_to
from vidstyle.errors import VidstyleError
from vidstyle.files import printable

State = Literal["ok", "note", "fault"]

NEEDED = (
    "torch",
    "torchvision",
    "opencv-python",
    "numpy",
    "pillow",
    "imageio-ffmpeg",
    "av",
    "safetensors",
    "scenedetect",
)
EXTRAS = {"ray": "cluster", "gradio": "web"}
ENCODERS = ("libx264", "libvpx-vp9", "aac", "libopus")
FILTERS = ("bwdif", "zscale", "tonemap", "palettegen")
SAFE_PILLOW = 13  # the first release without the holes of October 2026
LITTLE_DISK, LITTLE_MEMORY = 2e9, 3e9  # bytes
LEAST_ROOM = 20  # columns for the text of a finding
TEST_SIDE, TEST_STEPS = 96, 8


@dataclass(frozen=True)
class Finding:
    """What was found out about one thing: by a `note` something cannot be used, by a `fault` nothing can be painted."""

    name: str
    state: State
    found: str
    advice: str = ""


Check = Callable[[], Iterator[Finding]]


def doctor(*, json: Annotated[Switch, Parameter(group=RUNNING)] = False) -> None:
    """Check that this machine has everything that painting needs, and run a short test.

    Args:
        json: Print the findings as JSON.
    """
    console = error_console()
    with logging_to(console, quiet=True):
        with Terminal(console, quiet=json).starting():
            findings = [finding for name, check in CHECKS.items() for finding in _checked(name, check)]
        if json:
            print(json_format.dumps([asdict(finding) for finding in findings], indent=1))
        else:
            output = Console()
            print(*_lines(findings, output.width if output.is_terminal else float("inf")), sep="\n")
        if faults := sum(finding.state == "fault" for finding in findings):
            raise VidstyleError("VS801", faults=some(faults, "fault"))


def _checked(name: str, check: Check) -> Sequence[Finding]:
    """A check that fails where nobody thought of it is a finding too."""
    try:
        return list(check())
    except Exception as error:
        advice = "reinstall vidstyle with pip; if that does not help, report it"
        return [Finding(name, "fault", printable(f"{type(error).__name__}: {error}"), advice)]


def _lines(findings: Sequence[Finding], width: float) -> Iterator[str]:
    """The findings in columns, wrapped between words to `width`; infinite: one line each."""
    wide = max(len(finding.name) for finding in findings)
    for one in findings:
        start = f"{one.state:<5}  {one.name:<{wide}}  "
        yield from _wrapped(printable(one.found), start, " " * len(start), width)
        if one.advice:
            start = " " * len(start)
            yield from _wrapped(printable(one.advice), f"{start}-> ", f"{start}   ", width)


def _wrapped(text: str, start: str, indent: str, width: float) -> Sequence[str]:
    if width == float("inf"):
        return [start + text]
    how: dict[str, Any] = {"initial_indent": start, "subsequent_indent": indent, "break_on_hyphens": False}
    return textwrap.wrap(text, max(int(width), len(start) + LEAST_ROOM), break_long_words=False, **how)


def _versions() -> Iterator[Finding]:
    python, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    yield Finding("system", "ok", f"vidstyle {version('vidstyle')}, Python {python}, {system}")
    found, missing = {}, []
    for name in NEEDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            missing.append(name)
    text = ", ".join(f"{name} {number}" for name, number in found.items())
    if missing:
        yield Finding("packages", "note", f"{text}; not found: {', '.join(missing)}", "pip install --upgrade vidstyle")
    else:
        yield Finding("packages", "ok", text)
    if int(found.get("pillow", "0").split(".")[0]) < SAFE_PILLOW:
        advice = f"pip install 'pillow>={SAFE_PILLOW}', even if pip warns that Gradio does not allow it (SECURITY.md)"
        yield Finding("pillow", "note", f"{found.get('pillow')} has known security flaws in reading images", advice)
    for name, extra in EXTRAS.items():
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding(name, "note", "not installed", f"optional: pip install 'vidstyle[{extra}]'")


def _device() -> Iterator[Finding]:
    import torch

    from vidstyle.core.device import BASE, free_memory, long_side_within, select_device

    device = select_device("auto")
    free = free_memory(device)
    advice = ""
    if device.type == "cuda":
        found = f"{torch.cuda.get_device_name(device)}, {memory(free)} free"
    else:
        found = f"{device.type}, {some(torch.get_num_threads(), 'thread')}"
    if device.type == "cpu":
        advice = "without a GPU, painting takes seconds for each frame; docs/speed.md says how to make it faster"
    yield Finding("device", "ok", found, advice)
    if free == float("inf"):
        yield Finding("memory", "note", "the system does not report how much is free")
        return
    side = long_side_within((9, 16), free - BASE)
    text = f"{memory(free)} free: enough for frames of {side} x {side * 9 // 16}"
    little = free < LITTLE_MEMORY
    yield Finding("memory", "note" if little else "ok", text, "close other programs" if little else "")


def _ffmpeg() -> Iterator[Finding]:
    from vidstyle.video import ffmpeg

    place = ffmpeg.executable()
    said = _output([place, "-hide_banner", "-version"]).splitlines()
    where = "from imageio-ffmpeg" if "imageio_ffmpeg" in Path(place).parts else f"at {place}"
    name = f"{' '.join(said[0].split()[:3]) if said else 'no version'} {where}"
    missing = [name for name in ENCODERS if f" {name} " not in _output([place, "-hide_banner", "-encoders"])]
    missing += [name for name in FILTERS if f" {name} " not in _output([place, "-hide_banner", "-filters"])]
    if missing:
        advice = "unset IMAGEIO_FFMPEG_EXE to use the one that pip installed"
        yield Finding("ffmpeg", "fault", f"{name} has no {', '.join(missing)}", advice)
    else:
        yield Finding("ffmpeg", "ok", name)


def _encoders() -> Iterator[Finding]:
    from vidstyle.video.hardware import INTERFACES, problem_of

    pairs = [(codec, interface) for interface, codecs in INTERFACES.items() for codec in codecs]
    works = [f"{codec} ({interface})" for codec, interface in pairs if not problem_of(interface, codec)]
    if works:
        yield Finding("encoders", "ok", f"--encoder hardware: {', '.join(works)}")
    else:
        yield Finding("encoders", "note", "no hardware encodes video here", "not needed: software encodes all codecs")


def _output(words: Sequence[str]) -> str:
    return subprocess.run(words, capture_output=True, timeout=20, check=False).stdout.decode("utf-8", "replace")


def _opencv() -> Iterator[Finding]:
    import cv2

    from vidstyle.live.window import INSTEAD, display_problem

    reads = cv2.CAP_FFMPEG in cv2.videoio_registry.getStreamBackends()
    advice = "" if reads else "pip install --force-reinstall opencv-python"
    yield Finding("OpenCV", "ok" if reads else "fault", f"{cv2.__version__}, {'' if reads else 'no '}video", advice)
    problem = display_problem()
    if problem:
        yield Finding("window", "note", problem, f"for a camera, {INSTEAD}")
    else:
        yield Finding("window", "ok", "a window can be opened")


def _cameras() -> Iterator[Finding]:
    advice = "use --camera with a URL or a video (docs/webcam.md: how to use a phone)"
    if sys.platform != "linux":
        yield Finding("cameras", "note", "not checked on this system", "try: vidstyle webcam --style IMAGE")
        return
    found = sorted(Path("/dev").glob("video*"))
    closed = [str(device) for device in found if not os.access(device, os.R_OK | os.W_OK)]
    if closed:
        yield Finding("cameras", "note", f"{', '.join(closed)} cannot be read", "add yourself to the group 'video'")
    elif found:
        yield Finding("cameras", "ok", ", ".join(map(str, found)))
    else:
        yield Finding("cameras", "note", "none on this machine", advice)


def _weights() -> Iterator[Finding]:
    from vidstyle.cli.filters_command import state_of
    from vidstyle.core.weights import cache_folder, imagenet_file

    kept = sorted(cache_folder().glob("*.safetensors"))
    states = {path: state_of(path) for path in kept}
    for path in [path for path, (state, _) in states.items() if state != "ok"]:
        yield Finding("weights", "fault", f"{path} is damaged ({states[path][0]})", "delete the file")
    if imagenet_file() in states:
        yield Finding("weights", "ok", f"ImageNet weights, SHA-256 {states[imagenet_file()][1]}")
    else:
        advice = "vidstyle weights fetch; otherwise the first run downloads them, or learns weights from your images"
        yield Finding("weights", "note", "the ImageNet weights are not stored here", advice)


def _disk() -> Iterator[Finding]:
    from vidstyle.core.weights import cache_folder

    cache = next(place for place in (cache_folder(), *cache_folder().parents) if place.is_dir())
    for name, place in (("this folder", Path.cwd()), ("temporary", Path(tempfile.gettempdir())), ("cache", cache)):
        free = shutil.disk_usage(place).free
        if not os.access(place, os.W_OK):
            yield Finding(f"disk: {name}", "note", f"{place} is not writable", "work in another folder")
        elif free < LITTLE_DISK:
            yield Finding(
                f"disk: {name}",
                "note",
                f"{memory(free)} free at {place}",
                "free disk space for long videos",
            )
        else:
            yield Finding(f"disk: {name}", "ok", f"{memory(free)} free at {place}")


def _painting() -> Iterator[Finding]:
    """Writes a small video, reads it again, and paints its first frame by random filters."""
    import torch

    from vidstyle.core.device import select_device
    from vidstyle.core.style_model import StyleModel
    from vidstyle.core.stylize_image import stylize_image
    from vidstyle.jobs.eta import random_filters
    from vidstyle.settings.settings import Settings
    from vidstyle.video.encoder import Film
    from vidstyle.video.muxer import Sink
    from vidstyle.video.reader import open_video

    began = time.perf_counter()
    ramp = torch.linspace(0, 1, TEST_SIDE)
    image = torch.stack([ramp.expand(TEST_SIDE, -1), ramp.expand(TEST_SIDE, -1).T, 1 - ramp.expand(TEST_SIDE, -1)])
    with tempfile.TemporaryDirectory(prefix="vidstyle-") as folder:
        with Sink(Film(Path(folder) / "clip.mp4", (TEST_SIDE, TEST_SIDE), Fraction(25))) as sink:
            for _ in range(3):
                sink.write(image)
            clip = sink.finish()
        with open_video(clip) as source:
            frames = [frame.image for frame in source]
    apart = float((frames[0] - image).abs().mean()) * 255
    if len(frames) != 3 or apart > 4:
        found = f"3 frames were written and {len(frames)} read; their colours differ by {apart:.1f} of 255"
        yield Finding("video", "fault", found, "unset IMAGEIO_FFMPEG_EXE; reinstall vidstyle with pip")
        return
    yield Finding("video", "ok", f"a test video was written and read; its colours differ by {apart:.1f} of 255")
    settings, losses = Settings(steps=TEST_STEPS, scales=1), list[float]()
    filters = random_filters(settings, torch.Generator().manual_seed(0))
    model = StyleModel.of([image.flip(1)], filters, settings, device=select_device("auto"))
    stylize_image(model, frames[0], lambda step: losses.append(float(step.losses.total)))
    took = f"{time.perf_counter() - began:.1f} s"
    if losses[-1] < losses[0]:
        yield Finding("painting", "ok", f"the loss fell from {losses[0]:.3g} to {losses[-1]:.3g} in {took}")
    else:
        found = f"the loss did not fall ({losses[0]:.3g} to {losses[-1]:.3g})"
        yield Finding(
            "painting", "fault", found, "try --device cpu, or update the GPU driver; if neither helps, report it"
        )


CHECKS: dict[str, Check] = {
    "packages": _versions,
    "device": _device,
    "ffmpeg": _ffmpeg,
    "encoders": _encoders,
    "OpenCV": _opencv,
    "cameras": _cameras,
    "weights": _weights,
    "disk": _disk,
    "painting": _painting,
}
