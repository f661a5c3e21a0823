"""Filters of a VGG19-shaped network, learned in seconds from the user's own images.

Layer by layer, without labels and without gradients: 3x3 patches of the layer's input are whitened and
clustered, and the cluster centres are the filters. Spherical k-means on whitened patches is Coates and Ng 2012,
"Learning Feature Representations with K-means"; scaling every channel by its activations on the data is Kraehenbuehl
et al. 2016 (arXiv 1511.06856). That untrained filters carry style at all when they are normalised is He et al.
2016 (arXiv 1606.04801).

Where we differ, all of it for painting: patches are taken away from the border, whose padding would be learned as
lines; whitening is soft (FLOOR), because directions of little energy are noise; the first layer keeps all
directions of its patches and the others have a random part (BLIND), because what a network cannot see, it leaves in
the painting as speckle; the network learns from the style and from the images to be painted, so that it sees both.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.vgg import normalized
from vidstyle.settings.layers import LAYERS, block_of, filter_shape, layers_up_to, state_key

RECIPE = "1"  # changes with everything below, so that kept filters of another recipe are not used

LONG_SIDE = 256  # pixels that images are reduced to
SHORT_SIDE = 64  # pixels that images are extended to by their edge: conv5_1 needs some positions
PATCHES = 12_000  # for each layer, from all images together
DIRECTIONS = 256  # of whitened patches, at most
ENERGY = 0.995  # share of the patches' energy that the directions hold
FLOOR = 0.01  # of the largest eigenvalue, added to all: how softly patches are whitened
ROUNDS = 8  # of k-means
CHANNELS = 64  # directions of a layer's input channels that are told apart, at most
BLIND = 0.1  # random part of the filters, against the strongest gain: no pattern is invisible to a layer


@torch.no_grad()
def learn(
    images: Sequence[Tensor],
    *,
    deepest: str = "conv5_1",
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Tensor]:
    """Learns filters for average pooling; the same images and seed give the same filters on one machine.

    Args:
        images: each (3, H, W), RGB, 0..1, of any size.
        deepest: the deepest layer to learn filters for.
        seed: of the random patches and centres.
        on_progress: called with the number of kernels learned, and of all.

    Returns:
        Weights (out, in, 3, 3) and biases (out,) by torchvision's keys. The mean activation of every channel on the
        images is 1.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs = [normalized(_prepared(image))[0] for image in images]
    filters: dict[str, Tensor] = {}
    layers = layers_up_to(deepest)
    for number, layer in enumerate(layers, 1):
        if number > 1 and block_of(layer) > block_of(layers[number - 2]):
            inputs = [F.avg_pool2d(x, 2, ceil_mode=True) for x in inputs]
        weight, bias = _clustered(_patches(inputs, generator), layer, generator)
        activations = [_activations(x, weight, bias, first=number == 1) for x in inputs]
        scale = torch.cat([r.flatten(1) for r in activations], 1).mean(1).clamp_min(1e-4)  # (out,)
        filters[f"{state_key(layer)}.weight"] = weight / scale.view(-1, 1, 1, 1)
        filters[f"{state_key(layer)}.bias"] = bias / scale
        inputs = [r / scale.view(-1, 1, 1) for r in activations]
        if on_progress:
            kernels = [filter_shape(layer)[0] for layer in layers]
            on_progress(sum(kernels[:number]), sum(kernels))
    return filters


def _prepared(image: Tensor) -> Tensor:
    """(1, 3, H, W), reduced to LONG_SIDE and extended to SHORT_SIDE."""
    image = image.detach().cpu().float()[None]
    shrink = min(1.0, LONG_SIDE / max(image.shape[-2:]))
    size = [max(1, round(side * shrink)) for side in image.shape[-2:]]
    reduced = F.interpolate(image, size, mode="bilinear", antialias=True)
    bottom, right = (max(0, SHORT_SIDE - side) for side in size)
    return F.pad(reduced, (0, right, 0, bottom), mode="replicate")


def _activations(x: Tensor, weight: Tensor, bias: Tensor, *, first: bool) -> Tensor:
    """What the network will give for an input (C, h, w): the first layer continues it by its edge."""
    padded = F.pad(x[None], (1, 1, 1, 1), mode="replicate" if first else "constant")
    return F.relu(F.conv2d(padded, weight, bias))[0]


def _patches(inputs: Sequence[Tensor], generator: torch.Generator) -> Tensor:
    """About PATCHES random 3x3 patches (n, 9, C) from inside of all inputs, as many as their areas ask for."""
    area = sum(x[0].numel() for x in inputs)
    found = []
    for x in inputs:
        _, height, width = x.shape
        count = -(-PATCHES * height * width // area)
        y = torch.randint(height - 2, (count,), generator=generator)
        left = torch.randint(width - 2, (count,), generator=generator)
        pixels = x.permute(1, 2, 0).contiguous()  # read by whole pixels: a third of the time
        found.append(torch.stack([pixels[y + dy, left + dx] for dy in range(3) for dx in range(3)], 1))
    return torch.cat(found)


def _clustered(patches: Tensor, layer: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Weight and bias of a layer whose filters are the cluster centres of the whitened patches (n, 9, C)."""
    out = filter_shape(layer)[0]
    mean = patches.mean(0)
    centred = patches - mean
    main = _main_channels(centred)  # (C, c)
    reduced = (centred @ main).transpose(1, 2).flatten(1)  # (n, c * 9)
    directions, gains = _whitening(reduced, 1.0 if layer == LAYERS[0] else ENERGY)
    centres = _spherical_kmeans(reduced @ (directions * gains), out, generator)
    filters = (centres * gains) @ directions.T  # (out, c * 9)
    weight = torch.einsum("odp,cd->ocp", filters.view(out, -1, 9), main)
    if layer != LAYERS[0]:
        strongest = (centres.norm(dim=0) * gains).max()
        weight = weight + BLIND * strongest / out**0.5 * torch.randn(weight.shape, generator=generator)
    return weight.reshape(filter_shape(layer)), -(weight.flatten(1) @ mean.T.flatten())


def _main_channels(centred: Tensor) -> Tensor:
    """The directions (C, c) of most energy among the channels of patches (n, 9, C), at most CHANNELS of them."""
    activations = centred.flatten(0, 1)
    _, vectors = torch.linalg.eigh(activations.T @ activations / len(activations))
    main: Tensor = vectors[:, -CHANNELS:]
    return main


def _whitening(centred: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Directions (D, r) that hold `share` of the energy of `centred`, and gains (r,) to nearly unit energy."""
    energy, vectors = torch.linalg.eigh((centred.T @ centred / len(centred)).double())
    energy, vectors = energy.flip(0).clamp_min(0).float(), vectors.flip(1).float()
    rank = int((energy.cumsum(0) < share * energy.sum()).sum()) + 1 if share < 1 else len(energy)
    rank = min(rank, DIRECTIONS)
    return vectors[:, :rank], (energy[:rank] + FLOOR * energy[0].clamp_min(1e-4)).rsqrt()


def _spherical_kmeans(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """`count` unit vectors (count, r) that the directions of `points` (n, r) gather around."""
    points = F.normalize(points, dim=1)
    centres = _random_directions(count, points.shape[1], generator)
    chosen = torch.randperm(len(points), generator=generator)[:count]
    centres[: len(chosen)] = points[chosen]
    for _ in range(ROUNDS):
        nearest = (points @ centres.T).argmax(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        empty = sums.norm(dim=1) < 1e-6
        sums[empty] = _random_directions(int(empty.sum()), points.shape[1], generator)
        centres = F.normalize(sums, dim=1)
    return centres


def _random_directions(count: int, dimensions: int, generator: torch.Generator) -> Tensor:
    return F.normalize(torch.randn(count, dimensions, generator=generator), dim=1)
