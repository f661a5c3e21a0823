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

import numpy as np
from PIL import Image

from vidstyle import open_video

ROOT = Path(__file__).resolve().parents[1]
TEACH = "weights teach photo.jpg monet.jpg swirl.jpg woodcut.jpg -o mine.safetensors"
PLACE = ROOT / "docs" / "gallery"
IMAGE = "photo.jpg --size 384 --weights mine.safetensors"  # of images that are painted
CLIP = "clip.mp4 --to 1.6 --size 192 --weights mine.safetensors --preset draft"
SMALL = "--size 256 --weights mine.safetensors"

PHOTOS = ("photo", "fruit", "portrait")
STYLES = {  # of the first section: what each is called
    "ukiyoe": "Colour print",
    "glass": "Stained glass",
    "pencil": "Coloured pencils",
    "points": "Pointillism",
    "ink": "Ink wash",
    "swirl": "Swirls",
    "monet": "Water lilies",
    "woodcut": "Woodcut",
}
TEACH_EIGHT = (
    "weights teach photos monet.jpg swirl.jpg woodcut.jpg ukiyoe.jpg glass.jpg points.jpg ink.jpg pencil.jpg "
    "-o eight.safetensors"
)
LAKE, COAST = range(28), range(28, 45)  # the frames of the shots of clip.mp4
LOOPS = {"ukiyoe": LAKE, "glass": LAKE, "swirl": COAST}  # the styles of the videos, and what is shown

HEAD = f"""\
# Gallery

All images are painted on a CPU, by the commands next to them, in the folder [samples/](../samples). All weights are
self-taught. Results with the ImageNet weights (leave out `--weights`) differ. `python scripts/gallery.py` writes this
page.

## Eight styles

Three images in eight styles at 512 pixels. All settings are the defaults.

{{table}}

```sh
mkdir photos && cp {" ".join(f"{name}.jpg" for name in PHOTOS)} photos/
vidstyle {TEACH_EIGHT}
{{commands}}
```

## Videos

The source is on the left, the painted video on the right. Each animation shows one shot, forwards and then backwards.

{{videos}}

## Options

The images below are smaller. Their weights are learned from four samples:

```sh
vidstyle {TEACH}
```
"""


@dataclass(frozen=True)
class Entry:
    """An image of the gallery: its file's name, what it shows, and the words after ``vidstyle``."""

    name: str
    title: str
    words: str
    ending: str = ".png"


SECTIONS: dict[str, list[Entry]] = {
    "Strength and size of strokes": [
        Entry("default", "Default", f"{IMAGE} --style swirl.jpg"),
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
    keep(out, file_of(entry))


def keep(painting: Path, file: Path) -> None:
    with Image.open(painting) as image:
        image.convert("RGB").save(file, quality=86)


def eight_words(style: str) -> str:
    return f"photos --size 512 --weights eight.safetensors --style {style}.jpg"


def loop_words(style: str) -> str:
    return f"clip.mp4 --weights eight.safetensors --style {style}.jpg"


def make_eight(style: str, folder: Path) -> None:
    """Paints the photos in a style, and keeps them with a thumbnail of it."""
    run(folder, eight_words(style), "-q")
    for name in PHOTOS:
        keep(folder / f"photos_{style}" / f"{name}.jpg", PLACE / f"{style}_{name}.jpg")
    with Image.open(folder / f"{style}.jpg") as image:
        image.resize((256, 200)).save(PLACE / f"{style}_style.jpg", quality=86)


def make_loop(style: str, folder: Path) -> None:
    """Paints the video, and shows a shot next to its source, there and back."""
    run(folder, loop_words(style), "-q")
    halves = [frames_of(folder / name, LOOPS[style]) for name in ("clip.mp4", f"clip_{style}.mp4")]
    frames = [Image.fromarray(np.hstack(pair)) for pair in zip(*halves, strict=True)]
    there_and_back = [*frames, *frames[-2:0:-1]]
    file = PLACE / f"{style}_video.webp"
    there_and_back[0].save(
        file, save_all=True, append_images=there_and_back[1:], duration=67, loop=0, quality=55, method=6
    )


def frames_of(path: Path, wanted: range) -> list[np.ndarray]:
    with open_video(path) as video:
        images = [frame.image for frame in video if frame.index in wanted]
    return [np.rint(image.permute(1, 2, 0).numpy() * 255).astype(np.uint8) for image in images]


def file_of(entry: Entry) -> Path:
    return PLACE / f"{entry.name}{'.gif' if entry.ending == '.gif' else '.jpg'}"


def page() -> str:
    rows = ["| style | lake | still life | portrait |", "|---|---|---|---|"]
    for style, title in STYLES.items():
        cells = [f"![{title}: {name}](gallery/{style}_{name}.jpg)" for name in ("style", *PHOTOS)]
        rows.append(f"| {title} {' | '.join(cells)} |")
    commands = "\n".join(f"vidstyle {eight_words(style)}" for style in STYLES)
    videos = [
        f"![{STYLES[style]}](gallery/{style}_video.webp)\n\n```sh\nvidstyle {loop_words(style)}\n```" for style in LOOPS
    ]
    parts = [HEAD.format(table="\n".join(rows), commands=commands, videos="\n\n".join(videos))]
    for title, entries in SECTIONS.items():
        parts.append(f"### {title}\n")
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
        (folder / "photos").mkdir()
        for name in PHOTOS:
            shutil.copy(folder / f"{name}.jpg", folder / "photos")
        run(folder, TEACH_EIGHT)
        for style in STYLES:
            if not wanted or f"{style}_photo" in wanted:
                make_eight(style, folder)
        for style in LOOPS:
            if not wanted or f"{style}_video" in wanted:
                make_loop(style, folder)
        run(folder, TEACH)
        for entry in (entry for entries in SECTIONS.values() for entry in entries):
            if not wanted or entry.name in wanted:
                make(entry, folder)
    (ROOT / "docs" / "gallery.md").write_text(page())


if __name__ == "__main__":
    main()
