"""What outlives the process: a painter, and what one segment of a film hands to the next, as safetensors.

All of it is float32 as it was in memory, so that a job that goes on paints the same pixels as one that never stopped.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from vidstyle.errors import JobError
from vidstyle.features.weights import Filters
from vidstyle.files import from_json
from vidstyle.media.look import PLANES, Frame, FrameStyle
from vidstyle.motion.chain import Linked, Memory
from vidstyle.motion.hold import Stillness
from vidstyle.painting.painter import Painted, Painter
from vidstyle.painting.palette import Palette, Palettes
from vidstyle.painting.targets import Losses
from vidstyle.settings import Settings

_FACTS = "facts"


def painter_bytes(painter: Painter) -> bytes:
    """What was learned and found for a job: filters, palette and balance."""
    tensors = {f"filters.{name}": tensor for name, tensor in painter.filters.tensors.items()}
    for kind, palettes in (("contents", painter.palettes.contents), ("styles", painter.palettes.styles)):
        for number, palette in enumerate(palettes):
            tensors[f"{kind}.{number}.matrix"], tensors[f"{kind}.{number}.offset"] = palette.matrix, palette.offset
    filters = painter.filters
    facts = {"origin": filters.origin, "sha256": filters.sha256}
    return _packed(tensors, {**facts, "balance": painter.balance, "balances": painter.balances})


def painter_of(path: Path, styles: Sequence[Tensor], settings: Settings, **rest: Any) -> Painter:
    """The painter in a file that `painter_bytes` was written to; `rest` is its device and its start."""
    with _believed(path):
        return _painter_of(path, styles, settings, **rest)


def _painter_of(path: Path, styles: Sequence[Tensor], settings: Settings, **rest: Any) -> Painter:
    tensors, facts = _unpacked(path)
    filters = {name.removeprefix("filters."): t for name, t in tensors.items() if name.startswith("filters.")}
    found = Filters(facts["origin"], facts["sha256"], filters)
    palettes = Palettes(*(_palettes(tensors, kind, len(styles)) for kind in ("contents", "styles")))
    balances = tuple((float(strength), float(balance)) for strength, balance in facts["balances"])
    return Painter(styles, found, settings, facts["balance"], balances, palettes, **rest)


def _palettes(tensors: Mapping[str, Tensor], kind: str, count: int) -> tuple[Palette, ...]:
    if f"{kind}.0.matrix" not in tensors:
        return ()
    parts = ([tensors[f"{kind}.{number}.{part}"] for part in ("matrix", "offset")] for number in range(count))
    return tuple(Palette(*part) for part in parts)


def link_bytes(link: Linked) -> bytes:
    """What a frame hands on."""
    memory, last = link.memory, link.memory.last
    tensors = {
        **{f"paintings.{i}": painting for i, painting in enumerate(memory.paintings)},
        **{f"pictures.{i}": picture for i, picture in enumerate(memory.pictures)},
        "image": last.image,
        "reference": memory.stillness.reference,
        "awake": memory.stillness.awake,
        "age": memory.age,
        "shown": memory.shown,
        **{name: plane for name in PLANES if (plane := getattr(memory.look, name)) is not None},
    }
    facts = {
        "index": link.frame.index,
        "seconds": link.frame.seconds,
        "length": len(memory.paintings),
        "losses": asdict(last.losses.numbers()),
        "steps": last.steps,
        "took": last.seconds,
        "full_steps": last.full_steps,
        "step_size": last.step_size,
        "level": memory.level,
        "content": memory.content,
        "pull": memory.pull,
        "shares": memory.look.shares,
        "strength": memory.look.strength,
    }
    return _packed(tensors, facts)


def link_of(path: Path, device: torch.device) -> Linked:
    """What a frame handed on, from a file that `link_bytes` was written to; what paints lies on `device`."""
    with _believed(path):
        tensors, facts = _unpacked(path)
    there = {name: tensor.to(device) for name, tensor in tensors.items()}
    with _believed(path):
        return _link_of(tensors, there, facts)


def _link_of(tensors: Mapping[str, Tensor], there: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Linked:
    losses, step_size = Losses(**facts["losses"]), facts["step_size"]
    last = Painted(there["image"], losses, facts["steps"], facts["took"], step_size, facts["full_steps"])
    numbers = range(facts["length"])
    memory = Memory(
        paintings=tuple(there[f"paintings.{i}"] for i in numbers),
        pictures=tuple(tensors[f"pictures.{i}"] for i in numbers),
        last=last,
        stillness=Stillness(tensors["reference"], tensors["awake"]),
        age=there["age"],
        shown=tensors["shown"],
        level=facts["level"],
        content=facts["content"],
        pull=facts["pull"],
        look=FrameStyle(
            facts["shares"] and tuple(facts["shares"]),
            facts["strength"],
            tensors.get("places"),
            tensors.get("mask"),
        ),
    )
    frame = Frame(facts["index"], facts["seconds"], memory.pictures[0], look=memory.look)
    return Linked(frame, memory, opens=False)


def _packed(tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> bytes:
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    return safetensors.torch.save(whole, {_FACTS: json.dumps(facts)})


def _unpacked(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    with safetensors.safe_open(path, "pt") as file:
        names = file.keys()
        return {name: file.get_tensor(name) for name in names}, from_json(file.metadata()[_FACTS])


@contextlib.contextmanager
def _believed(path: Path) -> Iterator[None]:
    """JobError for what is no such file, or not all of it."""
    try:
        yield
    except FileNotFoundError as error:
        raise JobError(f"{path}: is not here; run the job where it was begun, or begin anew with --restart") from error
    except (OSError, KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise JobError(f"{path}: is broken ({error}); begin anew with --restart") from error
