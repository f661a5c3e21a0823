"""How well the parts of the method do alone: content from noise, style from noise, and tiles.

    python benchmarks/parts.py [STYLE ...] [--picture samples/photo.jpg] [--size 256] [--texture 192] [--json parts.json]

Contents: the picture painted from noise by one layer, with the defaults of ``vidstyle reconstruct``: the relative error
of the layer, and the PSNR in dB. Textures: each style (else those of samples/) from noise, with the defaults of
``vidstyle texture``: the distance of its patches from the style's, over the distance between two halves of the style;
below 1 the texture is closer to the style than its halves are to each other. Tiles: the root mean square difference of
neighbours across the seam, in the same units over that between all other neighbouring rows and columns: its place among
them, 0 the smallest, 1 the largest. Filters are learned from the picture and the styles.
"""

import argparse
import json
import math
from pathlib import Path

import torch
from selftaught import halves_distance, patch_distance
from torch import Tensor

from vidstyle.features.weights import load_filters
from vidstyle.jobs.studies import BLOCKS, feature_errors, reconstructor, texturer
from vidstyle.media.images import fit_size, load_picture, resize
from vidstyle.painting.painter import TILE, size_of
from vidstyle.presets import RECONSTRUCTION, TEXTURE
from vidstyle.settings import Settings

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
STYLES = [SAMPLES / name for name in ("monet.jpg", "swirl.jpg", "woodcut.jpg")]
CPU = torch.device("cpu")


def picture(path: Path, long_side: int) -> Tensor:
    image = load_picture(path).image
    return resize(image, fit_size(size_of(image), long_side))


def psnr(a: Tensor, b: Tensor) -> float:
    return -10 * math.log10(float((a - b).square().mean()))


def seam_ranks(tile: Tensor) -> tuple[float, float]:
    """Where the jump across the lower and the right edge stands among all jumps inside, 0 to 1."""
    ranks = []
    for dim in (1, 2):
        jumps = (tile - tile.roll(-1, dim)).square().mean((0, 3 - dim)).sqrt()
        ranks.append(float((jumps[:-1] < jumps[-1]).float().mean()))
    return ranks[0], ranks[1]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("styles", nargs="*", type=Path, default=STYLES)
    parser.add_argument("--picture", type=Path, default=SAMPLES / "photo.jpg")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--texture", type=int, default=192)
    parser.add_argument("--layers", default=",".join((BLOCKS[0], BLOCKS[3], BLOCKS[4])))
    parser.add_argument("--json", type=Path)
    words = parser.parse_args()
    content, styles = picture(words.picture, words.size), [picture(path, words.texture) for path in words.styles]
    reconstruction, texture = Settings(**RECONSTRUCTION), Settings(**TEXTURE)
    filters = load_filters("selftaught", (*BLOCKS, "conv5_1"), teachers=lambda: [content, *styles], seed=0)
    report: dict[str, dict[str, dict[str, float]]] = {"content": {}, "texture": {}, "tile": {}}
    for layer in filter(None, words.layers.split(",")):
        painter = reconstructor(content, filters, reconstruction.replace(content_layers=layer), CPU)
        painted = painter.paint(content)
        (error,) = feature_errors(painter, painted, content).values()
        report["content"][layer] = {"error": error, "psnr": psnr(painted.image, content)}
        print(f"content {layer}: error {error:.3%}, {report['content'][layer]['psnr']:.1f} dB", flush=True)
    for path, style in zip(words.styles, styles, strict=True):
        made = texturer(style, filters, texture, size_of(style), CPU).paint(torch.zeros_like(style)).image
        ratio = patch_distance(made, style) / halves_distance(style)
        report["texture"][str(path)] = {"patches": ratio}
        print(f"texture {path.name}: patches {ratio:.2f}", flush=True)
        height, width = (-(-side // TILE) * TILE for side in size_of(style))
        painter = texturer(style, filters, texture, (height, width), CPU, tile=True)
        down, right = seam_ranks(painter.paint(torch.zeros(3, height, width)).image)
        report["tile"][str(path)] = {"down": down, "right": right}
        print(f"tile {path.name}: seam among the jumps inside {down:.2f} down, {right:.2f} right", flush=True)
    if words.json:
        words.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
