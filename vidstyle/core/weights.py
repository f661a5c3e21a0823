"""Where the filters come from: torchvision's ImageNet filters, the user's own images, or a file.

Files are read without running code from them (safetensors, or ``torch.load(weights_only=True)``) and checked:
SHA-256 where we wrote the file ourselves, shapes and finite numbers always.
"""

import hashlib
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from vidstyle.core import download, selftaught
from vidstyle.core.pixels import to_array
from vidstyle.errors import WeightsError
from vidstyle.files import sha256_of, write_whole
from vidstyle.settings.layers import LAYERS, filter_shape, layers_up_to, state_key

log = logging.getLogger(__name__)

OnProgress = Callable[[str, float, int], None]  # what is being done, done so far, in all
SELFTAUGHT_KEPT = 12  # each is about 50 MB


@dataclass(frozen=True)
class Filters:
    """Filters by torchvision's keys, their origin (``imagenet``, ``selftaught`` or a path) and their SHA-256."""

    origin: str
    sha256: str
    tensors: Mapping[str, Tensor]

    @property
    def pooling(self) -> Literal["max", "avg"]:
        """The pooling that suits the filters: what they were trained with, or taught for."""
        return "max" if self.origin == "imagenet" else "avg"


def cache_folder() -> Path:
    """Where filters are kept: ``$VIDSTYLE_CACHE``, else the user's cache folder."""
    return Path(os.environ.get("VIDSTYLE_CACHE") or platformdirs.user_cache_dir("vidstyle"))


def imagenet_file() -> Path:
    return cache_folder() / "vgg19_imagenet.safetensors"


def load_filters(
    choice: str,
    layers: Iterable[str],
    *,
    teachers: Callable[[], Sequence[Tensor]],
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Filters:
    """The filters of a choice.

    Args:
        choice: ``imagenet``, ``selftaught``, a file, or ``auto``: ImageNet if kept here or reachable, else self-taught.
        layers: names of the layers that they must reach.
        teachers: gives the images to learn from, each (3, H, W), 0..1; called only where they are needed.
        seed: of what is learned.
        on_progress: told what is being done, how much of it, and of how much.

    Raises:
        WeightsError: the filters cannot be fetched or read, or lack layers.
    """
    deepest = max(layers, key=LAYERS.index)
    if choice == "imagenet":
        return _imagenet(deepest, on_progress)
    if choice == "selftaught":
        return _selftaught(teachers(), deepest, seed, on_progress)
    if choice == "auto":
        try:
            return _imagenet(deepest, on_progress)
        except download.UnreachableError as error:
            images = teachers()
            learned = _selftaught_file(images, deepest, seed).exists()
            instead = "using the weights learned before" if learned else "learning weights from your images instead"
            log.info("the ImageNet weights cannot be downloaded; %s", instead)
            log.debug("%s", error)
            return _selftaught(images, deepest, seed, on_progress)
    return read_filters(Path(choice), deepest)


def are_kept(choice: str, layers: Iterable[str], *, teachers: Callable[[], Sequence[Tensor]], seed: int = 0) -> bool:
    """Whether what `load_filters` would give lies on this machine, so that nothing is fetched or learned."""
    if choice not in ("auto", "imagenet", "selftaught"):
        return True
    if choice != "selftaught" and imagenet_file().exists():
        return True
    return choice != "imagenet" and _selftaught_file(teachers(), max(layers, key=LAYERS.index), seed).exists()


def read_filters(path: Path, deepest: str) -> Filters:
    """Filters up to layer `deepest` from a .pth, .pt or .safetensors file; WeightsError when it does not fit."""
    digest, tensors = read_tensors(path)
    return Filters(str(path), digest, _checked(path, tensors, deepest))


def read_tensors(path: Path) -> tuple[str, Mapping[str, Tensor]]:
    """The SHA-256 and the tensors of a .pth, .pt or .safetensors file; WeightsError when it cannot be read."""
    if not path.is_file():
        raise WeightsError("VS711", path=path)
    return sha256_of(path), _tensors_of(path)


def fetch_imagenet(on_progress: OnProgress | None = None) -> Path:
    """Fetches torchvision's ImageNet filters (548 MiB, of which 80 MB are kept); the file they are kept in."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        return import_filters(
            download.fetch_published(_imagenet_address(), Path(folder), "ImageNet weights", on_progress)
        )


def import_filters(path: Path) -> Path:
    """Keeps the convolutions of torchvision's file as the ImageNet filters of this machine; where they are kept.

    WeightsError for any other file, also of another VGG19: nothing else is ever called ImageNet.
    """
    filters = read_filters(path, LAYERS[-1])
    expected = download.published_digits(_imagenet_address())
    if not filters.sha256.startswith(expected):
        digits = f"its SHA-256 starts {filters.sha256[:8]}, not {expected}"
        raise WeightsError("VS712", path=path, digits=digits)
    keep(filters.tensors, imagenet_file())
    return imagenet_file()


def save_filters(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Writes filters to a .safetensors file, whole or not at all; WeightsError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not save_file, which lets nobody else read what it writes.
        write_whole(path, safetensors.torch.save({key: tensor.contiguous() for key, tensor in tensors.items()}))
    except OSError as error:
        raise WeightsError("VS719", path=path, reason=error.strerror) from error


def _imagenet(deepest: str, on_progress: OnProgress | None) -> Filters:
    path = imagenet_file()
    if not path.exists():
        fetch_imagenet(on_progress)
    return _kept_filters("imagenet", path, deepest)


def _selftaught(teachers: Sequence[Tensor], deepest: str, seed: int, on_progress: OnProgress | None) -> Filters:
    path = _selftaught_file(teachers, deepest, seed)
    if path.exists():
        try:
            return _kept_filters("selftaught", path, deepest)
        except WeightsError as error:
            log.warning("%s; learning the weights again", error)
    tell = on_progress or (lambda *_: None)
    tensors = selftaught.learn(
        teachers,
        deepest=deepest,
        seed=seed,
        on_progress=lambda done, count: tell("learning weights", done, count),
    )
    keep(tensors, path)
    _forget_oldest()
    return _kept_filters("selftaught", path, deepest)


def _selftaught_file(teachers: Sequence[Tensor], deepest: str, seed: int) -> Path:
    return cache_folder() / f"selftaught-{_identity(teachers, deepest, seed)}.safetensors"


def _identity(teachers: Sequence[Tensor], deepest: str, seed: int) -> str:
    """A name for what self-taught filters depend on: the recipe, the images, the depth and the seed."""
    digest = hashlib.sha256(f"{selftaught.RECIPE} {deepest} {seed}".encode())
    for image in teachers:
        digest.update(str(tuple(image.shape)).encode())
        digest.update(to_array(image).transpose(2, 0, 1).tobytes())
    return digest.hexdigest()[:16]


def keep(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Writes tensors to a file in the cache folder, its SHA-256 beside it."""
    save_filters(tensors, path)
    _digest_file(path).write_text(sha256_of(path) + "\n")


def kept(path: Path) -> tuple[str, Mapping[str, Tensor]]:
    """SHA-256 and tensors of a file of ours, checked against the SHA-256 beside it."""
    found = sha256_of(path)
    if not _digest_file(path).is_file() or _digest_file(path).read_text().strip() != found:
        raise WeightsError("VS713", path=path)
    return found, _tensors_of(path)


def _kept_filters(origin: str, path: Path, deepest: str) -> Filters:
    digest, tensors = kept(path)
    return Filters(origin, digest, _checked(path, tensors, deepest))


def _imagenet_address() -> str:
    from torchvision.models import VGG19_Weights

    return str(VGG19_Weights.IMAGENET1K_V1.url)


def _forget_oldest() -> None:
    kept = sorted(cache_folder().glob("selftaught-*.safetensors"), key=lambda p: p.stat().st_mtime)
    for path in kept[:-SELFTAUGHT_KEPT]:
        path.unlink(missing_ok=True)
        _digest_file(path).unlink(missing_ok=True)


def _digest_file(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _tensors_of(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and header faults have no common base
        reason = _reason(error)
        raise WeightsError("VS720", path=path, reason=reason) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError("VS714", path=path)
    return state


def _reason(error: Exception) -> str:
    said = str(error).strip() or type(error).__name__
    if "Weights only load failed" in said:
        return "it holds more than numbers, and no code in it is run"
    return re.sub(r"^\[enforce fail[^]]*\][ .]*", "", said.splitlines()[0])[:120]


def _checked(path: Path, state: Mapping[str, Tensor], deepest: str) -> dict[str, Tensor]:
    """The convolutions that are there, all up to `deepest` among them, float32 and contiguous."""
    present = [layer for layer in LAYERS if f"{state_key(layer)}.weight" in state]
    if LAYERS[0] not in present:
        found = ", ".join(list(state)[:3]) or "nothing"
        raise WeightsError("VS715", path=path, found=found)
    missing = [layer for layer in layers_up_to(deepest) if layer not in present]
    if missing:
        raise WeightsError("VS716", path=path, missing=", ".join(missing), present=present[-1])
    return {
        f"{state_key(layer)}.{part}": _checked_tensor(path, layer, state.get(f"{state_key(layer)}.{part}"), shape)
        for layer in present
        for part, shape in (("weight", filter_shape(layer)), ("bias", filter_shape(layer)[:1]))
    }


def _checked_tensor(path: Path, layer: str, tensor: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    got = None if tensor is None else tuple(tensor.shape)
    if tensor is None or got != shape:
        raise WeightsError("VS717", path=path, layer=layer, shape=shape, got=got)
    if not torch.isfinite(tensor).all():
        raise WeightsError("VS718", path=path, layer=layer)
    return tensor.float().contiguous()
