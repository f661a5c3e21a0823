"""Paintings whose pixels are known: `python -m tests.golden` makes golden.json again, for a change that means to.

Each is painted by the command line, with one thread and filters of fixed random weights, and is kept as the hash of the
decoded frames and as coarse means of them, by which other processors and versions of torch are compared.
"""

import contextlib
import hashlib
import io
import json
import platform
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from tests import clips
from tests.cameras import jpeg
from tests.films import film_of, many_shots
from tests.images import clouds, random_tensors, stripes
from tests.live.scenes import live, view
from vidstyle.cli.main import main
from vidstyle.core.weights import save_filters
from vidstyle.images import save_image
from vidstyle.video.camera import Snap

FILE = Path(__file__).with_name("golden.json")
GRID = 4  # coarse means along each side

Frames = NDArray[np.uint8]  # (n, H, W, 3)

TWO_STYLES = ("--style", "a.png", "--style", "b.png")
PAINTINGS: Mapping[str, Sequence[str]] = {  # by the name of the output, the words of the command
    **{
        f"{loss}.png": ("photo.png", "--style", "a.png", "--style-loss", loss)
        for loss in ("gram", "covariance", "wasserstein2", "histogram", "sliced")
    },
    "sums.png": ("photo.png", "--style", "a.png", "--loss", "sums", "--keep-colors", "free"),
    "lbfgs.png": ("photo.png", "--style", "a.png", "--optimizer", "lbfgs", "--init", "random", "--tv-weight", "0.1"),
    "luminance.png": ("photo.png", "--style", "a.png", "--keep-colors", "luminance"),
    "match.png": ("photo.png", "--style", "a.png", "--keep-colors", "match"),
    "mask.png": ("photo.png", "--style", "a.png", "--mask", "left.png"),
    "areas.png": ("photo.png", *TWO_STYLES, "--style-mask", "left.png", "--style-mask", "right.png"),
    "noise.png": ("reconstruct", "photo.png", "--layer", "conv2_2", "--size", "64"),
    "tile.png": ("texture", "a.png", "--tile", "--size", "64x48", "--style-layers", "conv1_1,conv2_1"),
    "film.mp4": ("film.mp4", "--style", "a.png"),
    "passes.mp4": ("film.mp4", "--style", "a.png", "--passes", "2", "--flow", "farneback"),
    "keys.mp4": (
        "film.mp4",
        *TWO_STYLES,
        "--style-keys",
        "0s=source, 0.2s=A, 0.4s=B",
        "--strength-keys",
        "0s=0.2, 1s=1",
    ),
    "light.mp4": ("light.mp4", "--style", "a.png", "--mask", "left.png"),
    "still.gif": ("still.gif", "--style", "a.png", "--loop"),
}
QUICK = ("--steps", "4", "--scales", "2", "--weights", "filters.safetensors")
SMALL = ("--style-layers", "conv1_1,conv2_1", "--content-layers", "conv2_2")


def machine() -> str:
    """What the last bits depend on: makers' libraries differ though the instructions are the same."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    instructions = torch.backends.cpu.get_cpu_capability()
    return f"{platform.machine()} {model} {instructions} torch {torch.__version__.split('+')[0]}"


def make_inputs(folder: Path) -> None:
    """Images, films and filters that the paintings are made of."""
    save_filters(random_tensors("conv2_2"), folder / "filters.safetensors")
    save_image(folder / "photo.png", clouds(64, 80, grain=10))
    save_image(folder / "a.png", stripes(48, 64))
    save_image(folder / "b.png", clouds(48, 64, seed=3, grain=3))
    left = torch.zeros(3, 64, 80)
    left[..., :40] = 1
    save_image(folder / "left.png", left)
    save_image(folder / "right.png", 1 - left)
    many_shots(folder / "film.mp4", count=16, shots=2, size=(64, 80))
    scene = clouds(64, 120, seed=5, grain=8)
    light = [scene[:, :, 2 * i : 2 * i + 80] * min(1.0, i / 6) for i in range(16)]
    for image in light:
        image[:, :8], image[:, -8:] = 0, 0
    film_of(folder / "light.mp4", light)
    clips.ffmpeg("-i", folder / "film.mp4", "-frames:v", 6, folder / "still.gif")


def painted(folder: Path) -> dict[str, Frames]:
    """All paintings, by their names."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        make_inputs(folder)
        return {**{name: _painted(folder, name) for name in PAINTINGS}, "live": live_frames()}
    finally:
        torch.set_num_threads(threads)


def _painted(folder: Path, name: str) -> Frames:
    words, out = list(PAINTINGS[name]), folder / f"out_{name}"
    options = [*QUICK, *(() if words[0] in ("reconstruct", "texture") else SMALL)]
    options += () if name.endswith(".png") else ("--frame-steps", "2")
    files = {file.name: str(file) for file in folder.iterdir()}
    command = [files.get(word, word) for word in [*words, *options, "--output", out.name, "--quiet"]]
    command[command.index(out.name)] = str(out)
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(command) == 0, command
    return decoded(out)


def live_frames() -> Frames:
    """Live paintings of a scene that stands, moves and is another one."""
    views = [view(left) for left in (40, 40, 42, 46, 46)] + [255 - view(80), 255 - view(78)]
    with live([jpeg(views[0])]) as painting:
        return np.stack([painting.painted(Snap(pixels, i, float(i))).pixels for i, pixels in enumerate(views)])


def decoded(path: Path) -> Frames:
    """The frames of a film or an image, (n, H, W, 3) BGR."""
    if path.suffix == ".png":
        return np.asarray(cv2.imread(str(path)))[None].astype(np.uint8)
    height, width = 64, 80
    raw = clips.ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "bgr24", "-fps_mode", "passthrough", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def facts(frames: Frames) -> dict[str, object]:
    """What is kept of a painting."""
    count, height, width, _ = frames.shape
    rows, columns = height // GRID, width // GRID
    whole = frames[:, : GRID * rows, : GRID * columns].astype(np.float64)
    means = whole.reshape(count, GRID, rows, GRID, columns, 3).mean((2, 4))
    digest = hashlib.sha256(repr(frames.shape).encode() + frames.tobytes()).hexdigest()
    return {"sha256": digest, "means": means.round(1).ravel().tolist()}


def make() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {name: facts(frames) for name, frames in painted(Path(folder)).items()}
    FILE.write_text(json.dumps({"machine": machine(), "paintings": found}) + "\n")


if __name__ == "__main__":
    make()
