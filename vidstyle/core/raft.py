"""The ways to find optical flow by name, and RAFT (Teed and Deng 2020, arXiv 2003.12039) as torchvision has it.

Its weights are fetched and kept like those of VGG19: without running code from files, checked by SHA-256 and shape.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidstyle.core.download import fetch_published, published_digits
from vidstyle.core.flow import Flow
from vidstyle.core.weights import OnProgress, cache_folder, keep, kept, read_tensors
from vidstyle.errors import WeightsError

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum


from vidstyle.core.flow import FlowEstimator, dis, farneback, no_flow
from vidstyle.settings.settings import FlowName

SIZES = ("raft-small", "raft-large")
STRIDE, SHORTEST_SIDE = 8, 128  # pixels: of a position, and that four halvings of the positions need


@dataclass(frozen=True)
class Raft:
    """A flow estimator: called with an image and an earlier one, both (3, H, W), 0..1, it gives (H, W, 2)."""

    network: nn.Module
    device: torch.device

    @classmethod
    def load(cls, name: str, device: torch.device) -> "Raft":
        """``raft-small`` or ``raft-large``; filters that are not kept are fetched. Raises WeightsError."""
        path = raft_file(name)
        if not path.exists():
            fetch_raft(name)
        _, tensors = kept(path)
        return cls(_network(name, path, tensors).to(device), device)

    @torch.no_grad()
    def __call__(self, image: Tensor, earlier: Tensor) -> Flow:
        pair = torch.stack([image, earlier]).to(self.device) * 2 - 1
        height, width = image.shape[1:]
        down, across = (max(-side % STRIDE, SHORTEST_SIDE - side) for side in (height, width))
        first, second = F.pad(pair, (0, across, 0, down), mode="replicate").chunk(2)
        flow: Tensor = self.network(first, second)[-1][0, :, :height, :width]
        return np.ascontiguousarray(flow.permute(1, 2, 0).cpu().numpy())


def raft_file(name: str) -> Path:
    """Where the weights of ``raft-small`` or ``raft-large`` are kept."""
    return cache_folder() / f"{name}.safetensors"


def fetch_raft(name: str, on_progress: OnProgress | None = None) -> Path:
    """Fetches torchvision's filters (4 MB for the small network, 21 MB for the large one); where they are kept."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        return import_raft(
            name, fetch_published(_published(name).url, Path(folder), f"the weights of {name}", on_progress)
        )


def import_raft(name: str, path: Path) -> Path:
    """Keeps the weights of torchvision's file; WeightsError for any other."""
    digest, tensors = read_tensors(path)
    if not digest.startswith(published_digits(_published(name).url)):
        raise WeightsError("VS706", path=path, name=name)
    _network(name, path, tensors)
    keep(tensors, raft_file(name))
    return raft_file(name)


def raft_of(digest: str) -> str | None:
    """The name of torchvision's RAFT file with this SHA-256, if it is one."""
    return next((name for name in SIZES if digest.startswith(published_digits(_published(name).url))), None)


def _published(name: str) -> "WeightsEnum":
    from torchvision.models.optical_flow import Raft_Large_Weights, Raft_Small_Weights

    return Raft_Small_Weights.DEFAULT if name == "raft-small" else Raft_Large_Weights.DEFAULT


def _network(name: str, path: Path, tensors: Mapping[str, Tensor]) -> nn.Module:
    from torchvision.models.optical_flow import raft_large, raft_small

    network: nn.Module = (raft_small if name == "raft-small" else raft_large)(weights=None)
    try:
        network.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise WeightsError("VS708", path=path, name=name) from error
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise WeightsError("VS707", path=path)
    return network.eval().requires_grad_(False)


WITHOUT_FILTERS: Mapping[FlowName, FlowEstimator] = {"dis": dis, "farneback": farneback, "none": no_flow}


def prepare_flow(name: FlowName, on_progress: OnProgress) -> None:
    """Fetches the weights that an estimator needs, if they are not stored; raises WeightsError."""
    if name not in WITHOUT_FILTERS and not raft_file(name).exists():
        fetch_raft(name, on_progress)


def flow_estimator(name: FlowName, device: torch.device) -> FlowEstimator:
    """The estimator of a name; RAFT works on `device` and fetches its filters where they are not kept."""
    return WITHOUT_FILTERS[name] if name in WITHOUT_FILTERS else Raft.load(name, device)
