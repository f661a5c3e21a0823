"""The layers of VGG19 by name, without the network: configuration E of arXiv 1409.1556, table 1.

Layers are the sixteen convolutions ``conv1_1`` ... ``conv5_4``. What a layer gives is its activation after the
rectifier, so ``relu4_1`` is accepted as another spelling of ``conv4_1``.
"""

import difflib
from collections.abc import Iterable

from vidstyle.errors import SettingsError

BLOCK_WIDTHS = ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4)
LAYERS = tuple(f"conv{b}_{i}" for b, widths in enumerate(BLOCK_WIDTHS, 1) for i in range(1, len(widths) + 1))


def layer_name(text: str) -> str:
    """The layer's name for any accepted spelling (``conv4_1``, ``relu4_1``); SettingsError for others."""
    name = text.strip().lower().replace("relu", "conv")
    if name not in LAYERS:
        near = difflib.get_close_matches(name, LAYERS, 1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {LAYERS[0]} ... {LAYERS[-1]}"
        raise SettingsError("VS233", text=text, hint=hint)
    return name


def layers_up_to(deepest: str) -> tuple[str, ...]:
    """All layers that have to be computed for `deepest`, in order."""
    return LAYERS[: LAYERS.index(deepest) + 1]


def deepest_layer(layers: Iterable[str]) -> str:
    return max(layers, key=LAYERS.index)


def block_of(layer: str) -> int:
    """The block of a layer, 1 ... 5; its activations are 2 ** (block - 1) times smaller than the image."""
    return int(layer[4])


def state_key(layer: str) -> str:
    """The prefix of a layer's weight and bias in torchvision's state dict: ``conv1_2`` -> ``features.2``."""
    convolutions_and_rectifiers = 2 * LAYERS.index(layer)
    poolings = block_of(layer) - 1
    return f"features.{convolutions_and_rectifiers + poolings}"


def filter_shape(layer: str) -> tuple[int, int, int, int]:
    """Shape (out, in, 3, 3) of a layer's weight."""
    widths = [width for block in BLOCK_WIDTHS for width in block]
    index = LAYERS.index(layer)
    return widths[index], widths[index - 1] if index else 3, 3, 3
