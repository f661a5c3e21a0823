"""How well the parts of the method do alone: content from noise, style from noise, and tiles.

    python benchmarks/parts.py [STYLE ...] [--image samples/photo.jpg] [--size 256] [--texture 192]
                               [--layers conv1_2,conv4_2,conv5_2] [--json parts.json]

Contents: the image painted from noise by one layer, with the defaults of ``vidstyle reconstruct``: the relative error
of the layer, and the PSNR in dB. Textures: each style (else those of samples/) from noise, with the defaults of
``vidstyle texture``: the distance of its patches from the style's, over the distance between two halves of the style;
below 1 the texture is closer to the style than its halves are to each other. Tiles: the root mean square difference of
neighbours across the seam over the largest inside, and its place among those inside, 0 the smallest, 1 the largest.
Only every second row and column inside counts, as the seam is one of those: enlarging a coarse scale twice leaves
larger steps there. Filters are learned from the image and the styles.
"""

import argparse
import json
import math
from pathlib import Path

import torch
from selftaught import halves_distance, patch_distance
from torch import Tensor

from vidstyle.core.sizes import fit_size, resize, size_of
from vidstyle.core.stylize_image import TILE, stylize_image
from vidstyle.core.weights import load_filters
from vidstyle.images import load_image
from vidstyle.settings.presets import RECONSTRUCTION, TEXTURE
from vidstyle.settings.settings import Settings
from vidstyle.studies.reconstruct import BLOCKS, feature_errors, reconstructor, texturer

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
STYLES = [SAMPLES / name for name in ("monet.jpg", "swirl.jpg", "woodcut.jpg")]
CPU = torch.device("cpu")


def image(path: Path, long_side: int) -> Tensor:
    image = load_image(path).rgb
    return resize(image, fit_size(size_of(image), long_side))


def psnr(a: Tensor, b: Tensor) -> float:
    return -10 * math.log10(float((a - b).square().mean()))


def seam(tile: Tensor, dim: int) -> dict[str, float]:
    """The jump across the edge of a dimension (1: the lower, 2: the right one) among those inside."""
    jumps = (tile - tile.roll(-1, dim)).square().mean((0, 3 - dim)).sqrt()[1::2]
    inside, edge = jumps[:-1], jumps[-1]
    return {"over_largest": float(edge / inside.max()), "place": float((inside < edge).float().mean())}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("styles", nargs="*", type=Path, default=STYLES)
    parser.add_argument("--image", type=Path, default=SAMPLES / "photo.jpg")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--texture", type=int, default=192)
    parser.add_argument("--layers", default=",".join((BLOCKS[0], BLOCKS[3], BLOCKS[4])))
    parser.add_argument("--json", type=Path)
    words = parser.parse_args()
    content, styles = image(words.image, words.size), [image(path, words.texture) for path in words.styles]
    reconstruction, texture = Settings(**RECONSTRUCTION), Settings(**TEXTURE)
    filters = load_filters("selftaught", (*BLOCKS, "conv5_1"), teachers=lambda: [content, *styles], seed=0)
    report: dict[str, dict[str, dict[str, float]]] = {"content": {}, "texture": {}, "tile": {}}
    for layer in filter(None, words.layers.split(",")):
        model = reconstructor(content, filters, reconstruction.replace(content_layers=layer), CPU)
        painted = stylize_image(model, content)
        (error,) = feature_errors(model, painted, content).values()
        report["content"][layer] = {"error": error, "psnr": psnr(painted.image, content)}
        print(f"content {layer}: error {error:.3%}, {report['content'][layer]['psnr']:.1f} dB", flush=True)
    for path, style in zip(words.styles, styles, strict=True):
        made = texturer(style, filters, texture, size_of(style), CPU).paint(torch.zeros_like(style)).image
        ratio = patch_distance(made, style) / halves_distance(style)
        report["texture"][str(path)] = {"patches": ratio}
        print(f"texture {path.name}: patches {ratio:.2f}", flush=True)
        height, width = (-(-side // TILE) * TILE for side in size_of(style))
        model = texturer(style, filters, texture, (height, width), CPU, tile=True)
        tile = stylize_image(model, torch.zeros(3, height, width)).image
        for name, dim in (("lower", 1), ("right", 2)):
            found = report["tile"][f"{path} {name}"] = seam(tile, dim)
            print(
                f"tile {path.name}, {name} edge: {found['over_largest']:.2f} of the largest jump inside, "
                f"at {found['place']:.2f}",
                flush=True,
            )
    if words.json:
        words.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
