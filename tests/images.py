"""Images and filters for tests, made in code."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.models import VGG19_Weights

from vidstyle.core.weights import Filters
from vidstyle.settings.layers import LAYERS, filter_shape, layers_up_to, state_key


def clouds(height: int, width: int, seed: int = 0, grain: int = 8) -> Tensor:
    """A smooth random image (3, H, W) in 0..1 with detail of about `grain` pixels."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, max(2, height // grain), max(2, width // grain), generator=generator)
    return F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)[0].clamp(0, 1)


def stripes(height: int, width: int, period: int = 6) -> Tensor:
    """Diagonal blue and yellow stripes: a style that nothing else looks like."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    blue = ((x + y) // (period // 2) % 2).float()
    return torch.stack([1 - blue, 0.9 - 0.6 * blue, blue])


def random_tensors(deepest: str = LAYERS[-1], seed: int = 0) -> dict[str, Tensor]:
    """Random filters by torchvision's keys, scaled so that activations keep their size."""
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    for layer in layers_up_to(deepest):
        shape = filter_shape(layer)
        tensors[f"{state_key(layer)}.weight"] = torch.randn(shape, generator=generator) * (2 / (9 * shape[1])) ** 0.5
        tensors[f"{state_key(layer)}.bias"] = torch.randn(shape[0], generator=generator) * 0.1
    return tensors


def random_filters(deepest: str = LAYERS[-1], seed: int = 0) -> Filters:
    return Filters("random", "0" * 64, random_tensors(deepest, seed))


def point_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `url` the address of torchvision's ImageNet filters."""
    monkeypatch.setattr(VGG19_Weights.IMAGENET1K_V1.value, "url", url)


def published_vgg19(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of random filters that passes for the one that torchvision publishes."""
    path = folder / "vgg19.pth"
    torch.save(random_tensors(), path)
    point_to(f"http://127.0.0.1:9/vgg19-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth", monkeypatch)
    return path
