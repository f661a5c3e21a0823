"""Makes docs/gallery.md and its images: every mode and look, on the samples, each with its command.

    python scripts/gallery.py [NAME ...]

NAME: only these images, by the names of their files; the page is always written.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TEACH = "weights teach photo.jpg monet.jpg swirl.jpg woodcut.jpg -o mine.safetensors"
PLACE = ROOT / "docs" / "gallery"
IMAGE = "photo.jpg --size 384 --weights mine.safetensors"  # of images that are painted
CLIP = "clip.mp4 --to 1.6 --size 192 --weights mine.safetensors --preset draft"
SMALL = "--size 256 --weights mine.safetensors"

HEAD = f"""\
# Gallery

Each image is painted at a small size on a CPU, by the command below it, in the folder [samples/](../samples).
`python scripts/gallery.py` writes this page. First, weights are learned from the samples:

```sh
vidstyle {TEACH}
```

These are self-taught weights. Results with the ImageNet weights (leave out `--weights`) differ.
"""


@dataclass(frozen=True)
class Entry:
    """An image of the gallery: its file's name, what it shows, and the words after ``vidstyle``."""

    name: str
    title: str
    words: str
    ending: str = ".png"


SECTIONS: dict[str, list[Entry]] = {
    "Styles": [
        Entry("monet", "Poppies", f"{IMAGE} --style monet.jpg"),
        Entry("swirl", "Swirls", f"{IMAGE} --style swirl.jpg"),
        Entry("woodcut", "Woodcut", f"{IMAGE} --style woodcut.jpg"),
    ],
    "Strength and size of strokes": [
        Entry("gentle", "Weaker", f"{IMAGE} --style swirl.jpg --strength 0.2"),
        Entry("strong", "Stronger", f"{IMAGE} --style swirl.jpg --strength 0.9"),
        Entry("fine_strokes", "Small strokes", f"{IMAGE} --style swirl.jpg --style-scale 0.5"),
        Entry("large_strokes", "Large strokes", f"{IMAGE} --style swirl.jpg --style-scale 1.6"),
    ],
    "Colours": [
        Entry("luminance", "The source's colours", f"{IMAGE} --style swirl.jpg --keep-colors luminance"),
        Entry("match", "The style in the source's colours", f"{IMAGE} --style swirl.jpg --keep-colors match"),
        Entry("free", "Not controlled", f"{IMAGE} --style swirl.jpg --keep-colors free"),
    ],
    "Several styles and masks": [
        Entry("blend", "A blend", f"{IMAGE} --style swirl.jpg --style monet.jpg --style-blend 0.6,0.4"),
        Entry("mask", "Only around the boat", f"{IMAGE} --style woodcut.jpg --mask around_boat.png"),
        Entry(
            "places", "Each style in its region", f"{IMAGE} --style swirl.jpg --style-mask lake.png --style monet.jpg"
        ),
    ],
    "Style losses": [
        Entry("covariance", "Mean and covariance", f"{IMAGE} --style monet.jpg --style-loss covariance"),
        Entry("wasserstein2", "2-Wasserstein distance", f"{IMAGE} --style monet.jpg --style-loss wasserstein2"),
        Entry("histogram", "Gram matrices and histograms", f"{IMAGE} --style monet.jpg --style-loss histogram"),
        Entry("sliced", "Sliced Wasserstein distance", f"{IMAGE} --style monet.jpg --style-loss sliced"),
        Entry("conv1_1", "One shallow layer", f"{IMAGE} --style monet.jpg --style-layers conv1_1=1"),
        Entry("conv3_1", "One deeper layer", f"{IMAGE} --style monet.jpg --style-layers conv3_1=1"),
    ],
    "Textures": [
        Entry("texture", "Style from noise", "texture swirl.jpg --size 384x288 --weights mine.safetensors"),
        Entry("wide", "Of any size", "texture monet.jpg --size 512x192 --weights mine.safetensors"),
        Entry("tile", "A tile without a seam", "texture woodcut.jpg --size 256x256 --tile --weights mine.safetensors"),
    ],
    "Content from noise": [
        Entry("conv1_2", "All is kept", f"reconstruct photo.jpg --layer conv1_2 {SMALL}"),
        Entry("conv3_2", "Detail goes", f"reconstruct photo.jpg --layer conv3_2 {SMALL}"),
        Entry("conv5_2", "The arrangement stays", f"reconstruct photo.jpg --layer conv5_2 {SMALL}"),
    ],
    "Sheets": [
        Entry(
            "layers",
            "What each layer keeps",
            "layers photo.jpg --style swirl.jpg --size 160 --weights mine.safetensors",
        ),
        Entry(
            "grid",
            "Two settings at once",
            "layers photo.jpg --style swirl.jpg --style woodcut.jpg --grid style:strength=0.2,0.5,0.9 --size 144 "
            "--weights mine.safetensors",
        ),
    ],
    "Animations": [
        Entry(
            "progress",
            "The optimisation",
            "progress photo.jpg --style swirl.jpg --size 160 --curve --max-mb 1.5 --weights mine.safetensors",
            ".gif",
        ),
        Entry(
            "keys",
            "Styles that change over time",
            f"{CLIP} --style swirl.jpg --style monet.jpg --style-keys 0.2s=A,1.4s=B",
            ".gif",
        ),
        Entry("kept", "A video in its own colours", f"{CLIP} --style swirl.jpg --keep-colors luminance", ".gif"),
    ],
}


def run(folder: Path, words: str, *more: str) -> None:
    """Runs a command in a copy of the samples."""
    print(f"vidstyle {words}", flush=True)
    command = [sys.executable, "-m", "vidstyle", *words.split(), *more]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def make(entry: Entry, folder: Path) -> None:
    """Runs the command of an entry and keeps its image."""
    out = folder / f"out_{entry.name}{entry.ending}"
    run(folder, entry.words, "-q", "-o", str(out))
    if entry.ending == ".gif":
        file_of(entry).write_bytes(out.read_bytes())
        return
    with Image.open(out) as image:
        image.convert("RGB").save(file_of(entry), quality=88)


def file_of(entry: Entry) -> Path:
    return PLACE / f"{entry.name}{'.gif' if entry.ending == '.gif' else '.jpg'}"


def page() -> str:
    parts = [HEAD]
    for title, entries in SECTIONS.items():
        parts.append(f"## {title}\n")
        for entry in entries:
            image = f"![{entry.title}](gallery/{file_of(entry).name})"
            parts.append(f"**{entry.title}**\n\n{image}\n\n```sh\nvidstyle {entry.words}\n```\n")
    return "\n".join(parts)


def main() -> None:
    """Command line."""
    wanted = sys.argv[1:]
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "samples"
        shutil.copytree(ROOT / "samples", folder)
        run(folder, TEACH)
        for entry in (entry for entries in SECTIONS.values() for entry in entries):
            if not wanted or entry.name in wanted:
                make(entry, folder)
    (ROOT / "docs" / "gallery.md").write_text(page())


if __name__ == "__main__":
    main()
