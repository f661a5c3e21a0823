"""Imports go down only, and only the front ends talk to people."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import vidstyle

ROOT = Path(vidstyle.__file__).parent
# Settings are made of layer names, so those and the errors lie at the bottom.
BOTTOM = ("errors", "files", "features.layers", "keys", "presets", "settings", "settings_file")
ORDER = (*BOTTOM, "media", "features", "painting", "motion", "jobs", "live", "apps")
MODULES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem in ORDER)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def rank(module: str) -> int:
    """The place of the longest entry of ORDER that a module belongs to."""
    fits = [entry for entry in ORDER if module == entry or module.startswith(entry + ".")]
    return ORDER.index(max(fits, key=len))


def imports_of(path: Path) -> Iterator[str]:
    """Modules of the package that a file imports, as names below it."""
    here = ["vidstyle", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                full = f"{module}.{alias.name}"
                yield (full if (ROOT.parent / (full.replace(".", "/") + ".py")).exists() else module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def own(names: Iterator[str]) -> list[str]:
    return [name.removeprefix("vidstyle.") for name in names if name.startswith("vidstyle.")]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down(path: Path) -> None:
    upwards = [name for name in own(imports_of(path)) if rank(name) > rank(name_of(path))]
    assert not upwards


@pytest.mark.parametrize("path", [p for p in MODULES if "apps" not in p.parts], ids=name_of)
def test_the_library_neither_prints_nor_exits(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    talking = [f.id for f in calls if isinstance(f, ast.Name) and f.id in ("print", "input", "exit", "quit")]
    exits = [f.attr for f in calls if isinstance(f, ast.Attribute) and f.attr in ("exit", "_exit")]
    assert not talking + exits


def test_the_package_has_no_module_outside_of_the_order() -> None:
    assert all(rank(name_of(path)) >= 0 for path in MODULES)
