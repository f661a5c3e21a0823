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


def parse_layers(text: str) -> dict[str, float]:
    """Layers and their weights from ``conv1_1=1,conv3_1=0.2``; a layer alone has weight 1, and weight 0 leaves it out.

    Raises:
        SettingsError: There is no such layer, it is there twice, its weight is no number from 0, or all are 0.
    """
    weights: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, weight = part.partition("=")
        layer = layer_name(name)
        if layer in weights:
            raise SettingsError("VS235", layer=layer, text=text)
        try:
            weights[layer] = float(weight or 1)
        except ValueError:
            raise SettingsError("VS243", layer=layer, weight=weight, text=text) from None
        if not 0 <= weights[layer] < float("inf"):
            raise SettingsError("VS236", layer=layer, weight=weight, text=text)
    if not any(weights.values()):
        raise SettingsError("VS234", text=text)
    return {layer: weight for layer, weight in weights.items() if weight}


def layers_up_to(deepest: str) -> tuple[str, ...]:
    """All layers that have to be computed for `deepest`, in order."""
    return LAYERS[: LAYERS.index(deepest) + 1]


def deepest_layer(layers: Iterable[str]) -> str:
    """The one of the `layers` that comes last in the network."""
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
