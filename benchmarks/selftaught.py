"""Textures from noise with self-taught filters against the first recipe and against random filters.

    python benchmarks/selftaught.py [--quick] [--size 192] [--styles 4] [--seed 0] [--data DIR] [--out DIR]

Every style is made again from noise by the Gram matrices of conv1_1 ... conv5_1, coarse to fine, with three sets of
filters, in one run:

- ``selftaught``: vidstyle.core.selftaught;
- ``prototype``: the first recipe, with nearly full whitening, all layers cut to the directions that hold 99.5 % of the
  patches' energy, patches with the zero padding of the border;
- ``random``: normal weights of variance 2 / inputs, no bias (He et al. 2015).

The judges are not what was optimised: the sliced Wasserstein distance of 7x7 patches on a pyramid, divided by that
of the style's own halves (1 = as far apart as these); the relative Gram error on self-taught filters of another
seed and other images; and on trained filters of conv1_1 ... conv3_1, where a file of them is there. A folder `--data`
may hold that file and more styles (names: see TRAINED and PAINTINGS); without it the drawn samples serve.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core import selftaught
from vidstyle.core.color_transfer import colour_root
from vidstyle.core.losses import ContentTargets, Objective, Region, StyleTargets
from vidstyle.core.optimizers import Preconditioner, Schedule, quasi_newton
from vidstyle.core.sizes import fit_size, resize
from vidstyle.core.style_statistics import STATISTICS
from vidstyle.core.stylize_image import RANDOM_START
from vidstyle.core.vgg import VGG19, normalized
from vidstyle.core.weights import read_filters
from vidstyle.images import load_image, save_image
from vidstyle.jobs.eta import random_filters
from vidstyle.settings.layers import block_of, filter_shape, layers_up_to, state_key
from vidstyle.settings.settings import Settings
from vidstyle.video.montage import contact_sheet

ROOT = Path(__file__).resolve().parents[1]
PAINTINGS = ("starry_night.jpg", "monet.jpg")
DRAWN = tuple(ROOT / "samples" / name for name in ("woodcut.jpg", "swirl.jpg", "monet.jpg"))
PHOTO = ROOT / "samples" / "photo.jpg"
TRAINED = "vgg19_prefix_conv1_1_to_conv3_1.pth"
LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
TRAINED_LAYERS = LAYERS[:3]
GRAM = STATISTICS["gram"]
SCALES = ((4, 60), (2, 45), (1, 30))  # size divided by, steps
QUICK_SCALES = ((4, 60), (2, 30), (1, 15))

Scales = Sequence[tuple[int, int]]
LEVELS, PATCH, LINES, SAMPLES = 4, 7, 128, 6000

Weights = Mapping[str, Tensor]


def scaled_image(path: Path, long_side: int) -> Tensor:
    """(3, H, W) of a file, 0..1, the long side as asked."""
    image = load_image(path).rgb
    return resize(image, fit_size((image.shape[-2], image.shape[-1]), long_side)).clamp(0, 1)


# ---------------------------------------------------------------- the contestants


@torch.no_grad()
def prototype_filters(images: Sequence[Tensor], seed: int) -> dict[str, Tensor]:
    """Spherical k-means on hard whitened patches, layer by layer."""
    generator, filters = torch.Generator().manual_seed(seed), {}
    inputs, block = [normalized(resize(p, fit_size((p.shape[-2], p.shape[-1]), 256)))[None] for p in images], 1
    for layer in layers_up_to(LAYERS[-1]):
        if block_of(layer) > block:
            inputs, block = [F.avg_pool2d(x, 2) for x in inputs], block_of(layer)
        patches = torch.cat([some_patches(x, 12_000 // len(inputs), generator) for x in inputs])
        mean = patches.mean(0)
        whitening = hard_whitening(patches - mean, generator)
        flat = clusters((patches - mean) @ whitening, filter_shape(layer)[0], generator) @ whitening.T
        weight, bias = flat.view(filter_shape(layer)), -(flat @ mean)
        activations = [F.relu(F.conv2d(x, weight, bias, padding=1)) for x in inputs]
        scale = torch.cat([r.flatten(2) for r in activations], 2).mean((0, 2)).clamp_min(1e-4)
        filters |= {f"{state_key(layer)}.weight": weight / scale.view(-1, 1, 1, 1)}
        filters |= {f"{state_key(layer)}.bias": bias / scale}
        inputs = [r / scale.view(-1, 1, 1) for r in activations]
    return filters


def some_patches(x: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Up to `count` random 3x3 patches of (1, C, h, w) with a border of zeros, (n, C * 9)."""
    height, width = x.shape[-2:]
    chosen = torch.randperm(height * width, generator=generator)[:count]
    y, left, padded = chosen // width, chosen % width, F.pad(x, (1, 1, 1, 1))[0]
    window = torch.stack([padded[:, y + dy, left + dx] for dy in range(3) for dx in range(3)], -1)
    return window.transpose(0, 1).flatten(1)


def hard_whitening(centred: Tensor, generator: torch.Generator) -> Tensor:
    basis = torch.randn(centred.shape[1], min(centred.shape[1], 256), generator=generator)
    for _ in range(3):
        basis = torch.linalg.qr(centred.T @ (centred @ basis)).Q
    energy, vectors = torch.linalg.eigh((centred @ basis).T @ (centred @ basis) / len(centred))
    energy, directions = energy.flip(0).clamp_min(0), basis @ vectors.flip(1)
    rank = min(len(energy), int((energy.cumsum(0) < 0.995 * energy.sum()).sum()) + 1)
    return directions[:, :rank] / (energy[:rank] + 0.001 * energy[0]).sqrt()


def clusters(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    points = F.normalize(points, dim=1)
    centres = points[torch.randint(len(points), (count,), generator=generator)]
    for _ in range(8):
        sums = torch.zeros_like(centres).index_add_(0, (points @ centres.T).argmax(1), points)
        empty = sums.norm(dim=1) < 1e-6
        sums[empty] = points[torch.randint(len(points), (int(empty.sum()),), generator=generator)]
        centres = F.normalize(sums, dim=1)
    return centres


# ---------------------------------------------------------------- the task and the judges


def texture(filters: Weights, style: Tensor, scales: Scales, seed: int) -> Tensor:
    """An image of the style's size, made from noise, coarse to fine, as a model does it."""
    network, weights = VGG19(filters, LAYERS, "avg"), dict.fromkeys(LAYERS, 1 / len(LAYERS))
    generator = torch.Generator().manual_seed(seed)
    image, colours = torch.empty(0), colour_root([style])
    for divisor, steps in scales:
        size = (style.shape[-2] // divisor, style.shape[-1] // divisor)
        small = resize(style, size).clamp(0, 1)
        coloured = torch.einsum("cd,dhw->chw", colours, torch.randn(small.shape, generator=generator))
        noise = small.mean((1, 2), keepdim=True) + RANDOM_START * coloured
        image = (resize(image, size) if len(image) else noise).clamp(0, 1)
        region = Region(StyleTargets.of(network, small, LAYERS, GRAM))
        objective = Objective(network, [region], GRAM, ContentTargets({}, {}), weights, {}, 1.0, 0.0)
        image = quasi_newton(image, objective, Schedule(steps), lambda *_: None, Preconditioner(colours)).image
    return image


def gram_error(filters: Weights, layers: Sequence[str], image: Tensor, style: Tensor) -> float:
    """Mean over layers of ||G - A||^2 / ||A||^2."""
    network = VGG19(filters, layers, "avg")
    ours, wanted = (StyleTargets.of(network, x, tuple(layers), GRAM).summaries for x in (image, style))
    parts = [(ours[k] - wanted[k]).square().sum() / wanted[k].square().sum() for k in layers]
    return float(torch.stack(parts).mean())


def patch_distance(a: Tensor, b: Tensor) -> float:
    """Sliced Wasserstein distance of PATCH x PATCH patches, mean over LEVELS octaves, fewer of small ones."""
    generator = torch.Generator().manual_seed(0)
    lines = F.normalize(torch.randn(3 * PATCH**2, LINES, generator=generator), dim=0)
    levels = []
    for level in range(LEVELS):
        if min(*a.shape[-2:], *b.shape[-2:]) >> level < PATCH:
            break
        projected = []
        for x in (a, b):
            small = resize(x, (x.shape[-2] >> level, x.shape[-1] >> level))
            patches = F.unfold(small[None], PATCH)[0].T
            chosen = torch.randint(len(patches), (SAMPLES,), generator=generator)
            projected.append((patches[chosen] @ lines).sort(0).values)
        levels.append((projected[0] - projected[1]).square().mean().sqrt())
    return float(torch.stack(levels).mean())


def halves_distance(style: Tensor) -> float:
    """The yardstick: from one half of the style to the other, cut across its long side."""
    long_side = 1 if style.shape[1] >= style.shape[2] else 2
    half = style.shape[long_side] // 2
    return patch_distance(style.narrow(long_side, 0, half), style.narrow(long_side, half, half))


def measure(
    path: Path, others: Sequence[Path], trained: Weights | None, size: int, scales: Scales, seed: int
) -> tuple[dict[str, dict[str, float | None]], list[Tensor]]:
    """The figures of one style, by contestant, and the images: the style, then what each made."""
    style, photo = scaled_image(path, size), scaled_image(PHOTO, 256)
    teachers = [scaled_image(path, 256), photo]
    contestants: dict[str, Callable[[], Weights]] = {
        "selftaught": lambda: selftaught.learn(teachers, deepest=LAYERS[-1], seed=seed),
        "prototype": lambda: prototype_filters(teachers, seed),
        "random": lambda: random_filters(Settings(), torch.Generator().manual_seed(seed)).tensors,
    }
    held_out = selftaught.learn([scaled_image(other, 256) for other in others], deepest=LAYERS[-1], seed=seed + 1)
    yardstick, figures, images = halves_distance(style), {}, [style]
    for name, learn in contestants.items():
        began = time.perf_counter()
        filters = learn()
        seconds = time.perf_counter() - began
        image = texture(filters, style, scales, seed)
        images.append(image)
        figures[name] = {
            "learn_seconds": seconds,
            "patches": patch_distance(image, style) / yardstick,
            "held_out_gram": gram_error(held_out, LAYERS, image, style),
            "trained_gram": gram_error(trained, TRAINED_LAYERS, image, style) if trained else None,
        }
    return figures, images


# ---------------------------------------------------------------- the report


def names_of(name: str, figures: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """What stands below the images of a row."""
    return [name, *(f"{key} {value['patches']:.2f}" for key, value in figures.items())]


def line(style: str, name: str, values: Mapping[str, float | None]) -> str:
    trained = "-" if values["trained_gram"] is None else f"{values['trained_gram']:.2%}"
    return (
        f"{style:14} {name:12} {values['patches']:8.3f} {values['held_out_gram']:10.2%} {trained:>9} "
        f"{values['learn_seconds']:7.1f}"
    )


def save(
    folder: Path, report: Mapping[str, object], rows: Sequence[Sequence[Tensor]], names: Sequence[Sequence[str]]
) -> None:
    """The figures as JSON and the images as a contact sheet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "selftaught.json").write_text(json.dumps(report, indent=2) + "\n")
    save_image(folder / "selftaught.png", contact_sheet(rows, names))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three styles at 128 pixels")
    parser.add_argument("--size", type=int, default=192, help="pixels of the long side")
    parser.add_argument("--styles", type=int, default=4, help="how many styles")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="folder with paintings and trained filters")
    parser.add_argument("--out", type=Path, help="folder for selftaught.json and selftaught.png")
    options = parser.parse_args()
    size, count = (128, 3) if options.quick else (options.size, options.styles)
    scales = QUICK_SCALES if options.quick else SCALES
    paintings = [options.data / name for name in PAINTINGS] if options.data else []
    styles = [*paintings, *DRAWN]
    trained = read_filters(options.data / TRAINED, TRAINED_LAYERS[-1]).tensors if options.data else None
    results, rows, names = {}, [], []
    print(f"{'style':14} {'filters':12} {'patches':>8} {'held out':>10} {'trained':>9} {'learn s':>7}")
    for path in styles[:count]:
        others = [other for other in styles if other != path][:2]
        figures, images = measure(path, others, trained, size, scales, options.seed)
        name = f"{path.stem} (drawn)" if path in DRAWN else path.stem
        results[name] = figures
        rows.append(images)
        names.append(names_of(name, figures))
        for contestant, values in figures.items():
            print(line(name, contestant, values), flush=True)
        if options.out:  # after every style, so that a run that is stopped leaves what it has
            save(options.out, {"size": size, "scales": scales, "styles": results}, rows, names)


if __name__ == "__main__":
    main()
