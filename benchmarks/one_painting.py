"""Engines: the package as it is in a folder, maybe of an older commit, each painting in a process of its own.

For quality.py. The process is this file as a program; both ends hand images, filters and JSON over in .safetensors
files. The package is imported in the process alone, where PYTHONPATH names the folder first.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

if TYPE_CHECKING:
    from vidstyle.core.style_model import StyleModel

FILES = ("images.safetensors", "filters.safetensors", "painting.safetensors")


@dataclass(frozen=True)
class Engine:
    """The package in a folder, and the changes of the settings that it alone gets."""

    name: str
    commit: str
    folder: Path
    changes: Mapping[str, int]

    def paint(self, model: "StyleModel", content: Tensor, changes: Mapping[str, Any]) -> tuple[Tensor, dict[str, Any]]:
        """`content` with the filters, style, palettes and balance of `model`, and what the process reports.

        `changes` are of the settings' defaults.
        """
        parts = (model.palettes.contents, model.palettes.styles)
        task = {
            "settings": {**changes, **self.changes},
            "balance": model.balance,
            "palettes": [[(palette.matrix.tolist(), palette.offset.tolist()) for palette in part] for part in parts],
        }
        files, path = [str(self.folder / name) for name in FILES], (str(self.folder), os.environ.get("PYTHONPATH"))
        save_file({"content": content.contiguous(), "style": model.styles[0].contiguous()}, files[0], about(task))
        save_file({key: tensor.contiguous() for key, tensor in model.filters.tensors.items()}, files[1])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
        if subprocess.run([sys.executable, __file__, *files], env=environment).returncode:
            raise SystemExit(f"{self.name} cannot paint this; its error is above")
        with safe_open(files[2], "pt") as file:
            return file.get_tensor("image"), json.loads(file.metadata()["json"])


def about(report: Mapping[str, Any]) -> dict[str, str]:
    return {"json": json.dumps(report)}


@contextmanager
def all_engines(
    root: Path, commits: Sequence[str], folder: Path, changes: Mapping[str, int], older_changes: Mapping[str, int]
) -> Iterator[list[Engine]]:
    """A copy of the checkout `root`, so that it stays the same meanwhile, and a worktree of each other commit.

    They lie in `folder`, and the worktrees are removed at the end.
    """
    shutil.copytree(root / "vidstyle", folder / "now" / "vidstyle", ignore=shutil.ignore_patterns("__pycache__"))
    commit = git(root, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    engines = [Engine("now", commit, folder / "now", changes)]
    try:
        for commit in dict.fromkeys(git(root, "rev-parse", "--verify", f"{name}^{{commit}}") for name in commits):
            name = commit[:8]
            git(root, "worktree", "add", "--detach", str(folder / name), commit)
            engines.append(Engine(name, commit, folder / name, older_changes))
        yield engines
    finally:
        for engine in engines[1:]:
            git(root, "worktree", "remove", "--force", str(engine.folder))


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


OLDEST = "89cd230"  # commits before it cannot paint with what is handed over
LAYOUTS = (  # in which module what a painting takes is, the newest layout first
    {
        **dict.fromkeys(("Palette", "Palettes"), "core.color_transfer"),
        "StyleModel": "core.style_model",
        "stylize_image": "core.stylize_image",
        "Filters": "core.weights",
        "Settings": "settings.settings",
        "keep_freed_memory": "cli.terminal",
    },
    {  # whose model has methods
        **dict.fromkeys(("Palette", "Palettes"), "core.color_transfer"),
        "Painter": "core.stylize_image",
        "Filters": "core.weights",
        "Settings": "settings.settings",
        "keep_freed_memory": "cli.process_memory",
    },
    {  # before 7ee00e6
        **dict.fromkeys(("Palette", "Palettes"), "painting.palette"),
        "Painter": "painting.model",
        "Filters": "features.weights",
        "Settings": "settings",
        "keep_freed_memory": "apps.memory",
    },
)


def parts() -> SimpleNamespace:
    """What a painting takes, from the package as it is laid out here; ends the process where that is not known."""
    problems = []
    for layout in LAYOUTS:
        try:
            found = {name: getattr(import_module(f"vidstyle.{home}"), name) for name, home in layout.items()}
            return SimpleNamespace(**found)
        except (ImportError, AttributeError) as error:
            problems.append(str(error))
    sys.exit(f"commits before {OLDEST} cannot be compared ({'; '.join(problems)})")


def main() -> None:
    """The process of one painting: only what older commits have too."""
    import vidstyle

    images, filters, result = sys.argv[1:]
    wanted, found = Path(images).resolve().parent, Path(vidstyle.__file__).resolve().parents[1]
    if found != wanted:
        sys.exit(f"the package should come from {wanted}, instead got {found}")
    of = parts()
    of.keep_freed_memory()
    with safe_open(images, "pt") as file:
        content, style, task = file.get_tensor("content"), file.get_tensor("style"), json.loads(file.metadata()["json"])
    known = {field.name for field in fields(of.Settings)}
    model = (of.StyleModel.of if hasattr(of, "StyleModel") else of.Painter)(
        [style],
        of.Filters(filters, "", load_file(filters)),
        of.Settings(**{name: value for name, value in task["settings"].items() if name in known}),
        balance=task["balance"],
        palettes=of.Palettes(
            *(tuple(of.Palette(torch.tensor(m), torch.tensor(o)) for m, o in part) for part in task["palettes"])
        ),
    )
    painted = of.stylize_image(model, content) if hasattr(of, "StyleModel") else model.paint(content)
    report = {
        "cost": painted.full_steps,
        "seconds": painted.seconds,
        "settings": asdict(model.settings),
        "dropped": sorted(task["settings"].keys() - known),
        "threads": torch.get_num_threads(),
    }
    save_file({"image": painted.image.contiguous()}, result, about(report))


if __name__ == "__main__":
    main()
