"""A device that is pretended: tensors in the CPU's memory that say they are elsewhere and meet no others.

So what a GPU would refuse is refused here, and what makes the CPU wait for a GPU is counted.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_iter, tree_map

ATEN = torch.ops.aten
WAITING = (  # whose result, or its size, the CPU must know before it goes on
    *(ATEN._local_scalar_dense, ATEN.item, ATEN.is_nonzero, ATEN.equal, ATEN.nonzero, ATEN.masked_select),
    *(ATEN._linalg_eigh, ATEN._unique2, ATEN._linalg_svd),
)
INDEXING = (ATEN.index, ATEN.index_put_, ATEN.index_put)  # which waits for the number of places in a mask


class MixedError(RuntimeError):
    """Tensors of two devices in one operation."""


@dataclass
class Counts:
    """Copies to the CPU, or waits for what it must know, and copies from the CPU."""

    reads: int = 0
    uploads: int = 0


COUNTS = Counts()


class Pretended(Tensor):
    """A tensor on a pretended device; `held` is where its values really are."""

    held: Tensor
    _device: torch.device

    @staticmethod
    def __new__(cls, held: Tensor, device: torch.device) -> "Pretended":
        if device.type == "mps" and held.dtype == torch.float64:
            raise TypeError("MPS has no float64")
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        made = Tensor._make_wrapper_subclass(cls, held.shape, **layout)  # type: ignore[attr-defined]
        made.held, made._device = held, device
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self._device

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in SPECIAL:
            return SPECIAL[func](*args, **kwargs)
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **kwargs)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [x for x in tree_iter((args, kwargs)) if isinstance(x, Tensor)]
        devices = {x.device for x in given if isinstance(x, Pretended)}
        if len(devices) > 1 or any(x.dim() for x in given if not isinstance(x, Pretended)):
            raise MixedError(f"{func}: {[(x.device, tuple(x.shape)) for x in given]}")
        (device,) = devices
        masks = func.overloadpacket in INDEXING and any(
            x.dtype == torch.bool for x in tree_iter(args[1]) if x is not None
        )
        COUNTS.reads += func.overloadpacket in WAITING or masks
        known = {id(x.held): x for x in given if isinstance(x, Pretended)}

        def outward(x: Any) -> Any:
            if not isinstance(x, Tensor):
                return x
            return known[id(x)] if id(x) in known else Pretended(x, device)

        return tree_map(outward, func(*tree_map(_inward, args), **tree_map(_inward, kwargs or {})))


def _inward(x: Any) -> Any:
    return x.held if isinstance(x, Pretended) else x


def _read(value: Any) -> Any:
    COUNTS.reads += 1
    return value


def _upload(held: Tensor, device: torch.device) -> Pretended:
    COUNTS.uploads += 1
    return Pretended(held, device)


def _moved(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """``Tensor.to``, whatever it is given."""
    words = list(args)
    wanted = kwargs.pop("device", None)
    if words and isinstance(words[0], Tensor):
        wanted, words[0] = words[0].device, words[0].dtype
    elif words and isinstance(words[0], str | torch.device):
        wanted = words.pop(0)
    target = x.device if wanted is None else torch.device(wanted)
    words = [word for word in words if isinstance(word, torch.dtype)]
    with torch._C.DisableTorchFunctionSubclass():
        typed = Tensor.to(x, *words, **kwargs) if words or kwargs.get("dtype") else x
    if typed.device == target:
        return typed
    if isinstance(typed, Pretended):
        return _read(typed.held.detach())  # type: ignore[no-any-return]
    return _upload(typed.detach(), target)


def _new_tensor(x: Tensor, data: Any, **kwargs: Any) -> Tensor:
    return _upload(torch.tensor(data, dtype=kwargs.get("dtype", x.dtype)), x.device)


def _numpy(*_: object, **__: object) -> Any:
    raise TypeError("copy the tensor to the CPU first")


class _Trace(torch.autograd.Function):
    """Of torch's own, the C++ part of the gradient makes a tensor on the device that this one is really on."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        ctx.save_for_backward(Pretended(torch.eye(len(matrix)), matrix.device))
        return torch.ops.aten.trace(matrix)  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0] * ctx.saved_tensors[0]


SPECIAL: Mapping[Any, Callable[..., Any]] = {
    Tensor.to: _moved,
    Tensor.cpu: lambda x: _moved(x, "cpu"),
    Tensor.new_tensor: _new_tensor,
    Tensor.trace: _Trace.apply,
    Tensor.tolist: lambda x: _read(x.held.tolist()),
    Tensor.numpy: _numpy,
    Tensor.__array__: _numpy,
}


class _Factories(TorchFunctionMode):
    """Makes tensors that are asked for on a device, or are to go there, pretended ones."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is Tensor.to:
            return _moved(*args, **kwargs)
        device = kwargs.get("device")
        if device is None or torch.device(device).type != self._kind:
            return func(*args, **kwargs)
        del kwargs["device"]
        return _upload(func(*args, **kwargs), torch.device(device))


@contextmanager
def pretended(kind: str) -> Iterator[Counts]:
    """A block in which the device `kind`, as ``cuda`` or ``mps``, seems to be here; what was copied in it."""
    COUNTS.reads = COUNTS.uploads = 0
    asked = torch.cuda.get_device_capability
    torch.cuda.get_device_capability = lambda *_: (9, 0)
    try:
        with _Factories(kind):
            yield COUNTS
    finally:
        torch.cuda.get_device_capability = asked
