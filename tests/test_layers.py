"""Imports go down only, in no circle, and only the front ends talk to people."""

import ast
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import vidstyle

ROOT = Path(vidstyle.__file__).parent
FRONT_ENDS = ("cli", "live", "web")
LAYERS = (
    ("errors",),
    ("files", "limits", "process"),
    ("settings",),
    ("core",),
    ("bmp", "color_profiles", "exr", "tiff"),
    ("images",),
    ("video",),
    ("jobs",),
    ("cluster", "evaluation", "studies"),
    ("api",),
    FRONT_ENDS,
    ("__init__", "__main__"),
)
MODULES = sorted(ROOT.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


NAMES = {name_of(path) for path in MODULES}


def part_of(module: str) -> str:
    """The folder, or module of none, at the top."""
    return module.split(".")[0]


def rank(part: str) -> int:
    """The layer of a part; ValueError for one that has none."""
    for number, parts in enumerate(LAYERS):
        if part in parts:
            return number
    raise ValueError(f"{part} is in no layer")


@cache
def imports_of(module: str) -> frozenset[str]:
    """Modules of the package that one imports, anywhere in its text, as names below it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: relative import"
            found |= {own for alias in node.names if (own := _own(f"{node.module}.{alias.name}") or _own(node.module))}
        elif isinstance(node, ast.Import):
            found |= {own for alias in node.names if (own := _own(alias.name))}
    return frozenset(found)


def _own(name: str | None) -> str | None:
    """The module that a dotted name is, as a name below the package; None for anything else."""
    if name == "vidstyle":
        return "__init__"
    below = (name or "").removeprefix("vidstyle.")
    if not name or below == name:
        return None
    return next((known for known in (below, f"{below}.__init__") if known in NAMES), None)


@pytest.mark.parametrize("module", sorted(NAMES - {"__init__"}))
def test_imports_go_down(module: str) -> None:
    """Within a layer no part imports another, but front ends may."""
    own = part_of(module)
    for other in map(part_of, imports_of(module) - {"__init__"}):
        assert rank(other) < rank(own) or other == own or {own, other} <= set(FRONT_ENDS), f"{module} imports {other}"


@pytest.mark.parametrize("module", sorted(NAMES - {"__init__"}))
def test_only_the_version_is_imported_from_the_top(module: str) -> None:
    if "__init__" in imports_of(module):
        tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
        taken = {
            a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "vidstyle" for a in n.names
        }
        used = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "vidstyle"
        }
        assert {name for name in taken | used if _own(f"vidstyle.{name}") is None} <= {"__version__"}


def test_there_is_no_circle() -> None:
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join([*above[above.index(module) :], module])
        if module not in done:
            for other in sorted(imports_of(module) - {"__init__"}):
                visit(other, (*above, module))
            done.add(module)

    for module in sorted(NAMES - {"__init__"}):
        visit(module, ())
    assert done == NAMES - {"__init__"}


@pytest.mark.parametrize("module", sorted(name for name in NAMES if part_of(name) not in FRONT_ENDS))
def test_the_library_neither_prints_nor_exits(module: str) -> None:
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    talking = [f.id for f in calls if isinstance(f, ast.Name) and f.id in ("print", "input", "exit", "quit")]
    exits = [f.attr for f in calls if isinstance(f, ast.Attribute) and f.attr in ("exit", "_exit")]
    assert not talking + exits


def test_the_core_opens_no_images_or_videos() -> None:
    """Importing all of it brings in nothing that does."""
    modules = [f"vidstyle.{name}" for name in NAMES if part_of(name) == "core" and not name.endswith("__init__")]
    code = f"import sys, {', '.join(sorted(modules))}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "vidstyle.core.losses" in loaded
    assert not {"imageio", "imageio_ffmpeg", "PIL.ImageCms", "vidstyle.images", "vidstyle.video"} & loaded


def test_no_two_modules_share_a_file_name() -> None:
    counts = Counter(path.stem for path in MODULES if path.stem != "__init__")
    assert not [name for name, count in counts.items() if count > 1]


def test_no_two_classes_share_a_name() -> None:
    trees = [ast.parse(path.read_text()) for path in MODULES]
    counts = Counter(node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    assert not {name: count for name, count in counts.items() if count > 1}


def test_every_part_has_a_layer() -> None:
    """Whatever new folder or module there is at the top."""
    parts = {part_of(name_of(path)) for path in MODULES}
    assert {part for parts in LAYERS for part in parts} == parts
