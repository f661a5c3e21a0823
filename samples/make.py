"""Makes the samples: eight styles, three photographs, two masks and a video, all drawn by code.

python samples/make.py [folder]
"""

import argparse
import subprocess
import tempfile
import wave
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from drawing.canvas import Array
from drawing.fruit import fruit
from drawing.glass import glass
from drawing.ink import ink
from drawing.masks import around_boat, lake
from drawing.monet import monet
from drawing.pencil import pencil
from drawing.points import points
from drawing.portrait import portrait
from drawing.scenes import film, photo
from drawing.sound import RATE, soundtrack
from drawing.swirl import swirl
from drawing.ukiyoe import ukiyoe
from drawing.woodcut import woodcut
from numpy.typing import NDArray

STYLES: list[Callable[[], Array]] = [monet, swirl, woodcut, ukiyoe, glass, points, ink, pencil]
PHOTOS: list[Callable[[], Array]] = [photo, fruit, portrait]
HEIGHT, WIDTH, FPS = 144, 256, 15
SHOTS = 28, 17  # frames before and after the cut
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
TO_BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,"
    "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
)


def as_bytes(picture: Array) -> NDArray[np.uint8]:
    """0..1 to 0..255."""
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def save_picture(path: Path, picture: Array) -> None:
    """Writes a JPEG, or a PNG, by the name."""
    bgr = cv2.cvtColor(as_bytes(picture), cv2.COLOR_RGB2BGR)
    if not cv2.imwrite(str(path), bgr, JPEG if path.suffix == ".jpg" else []):
        raise OSError(f"cannot write {path}")


def save_sound(path: Path, samples: NDArray[np.int16]) -> None:
    """Writes a stereo WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def save_clip(path: Path, frames: Iterable[Array], samples: NDArray[np.int16]) -> None:
    """Writes an MP4: H.264 tagged BT.709, and AAC sound."""
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        save_sound(sound, samples)
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
        command += [
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            f"{WIDTH}x{HEIGHT}",
            "-r",
            str(FPS),
            "-i",
            "-",
        ]
        command += ["-i", str(sound), "-vf", TO_BT709, "-c:v", "libx264", "-crf", "16", "-preset", "slow"]
        command += ["-c:a", "aac", "-b:a", "128k", "-bitexact", "-movflags", "+faststart", str(path)]
        pixels = b"".join(as_bytes(frame).tobytes() for frame in frames)
        subprocess.run(command, input=pixels, check=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Draws the samples.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    save_clip(folder / "clip.mp4", film(HEIGHT, WIDTH, SHOTS, FPS), soundtrack(sum(SHOTS) / FPS, SHOTS[0] / FPS))
    for draw in [*STYLES, *PHOTOS]:
        save_picture(folder / f"{draw.__name__}.jpg", draw())
    for name, draw_mask in {"around_boat": around_boat, "lake": lake}.items():
        save_picture(folder / f"{name}.png", draw_mask())


if __name__ == "__main__":
    main()
