"""Docs, help, labels, errors and docstrings keep to the word list of docs/style.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import vidstyle
from vidstyle.cli.main import app, main
from vidstyle.errors import TEXTS

PACKAGE = Path(vidstyle.__file__).parent
ROOT = PACKAGE.parent
STYLE = ROOT / "docs" / "style.md"
PAGES = sorted([*ROOT.glob("*.md"), ROOT / "NOTICE", *(ROOT / "docs").glob("*.md")])
TEMPLATES = sorted(PACKAGE.rglob("*.html"))
COMMANDS = sorted({name for name in app if not name.startswith("-")} | {"weights fetch", "weights teach"})

CODE = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", re.DOTALL)
MARKUP = re.compile(r"<style.*?</style>|<[^>]*>|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
BOXES = re.compile(r"[─│╭╮╰╯\s]+")
PARAMETERS = re.compile(r"^\s+\w+:", re.MULTILINE)  # names of code, at the start of lines of docstrings

FINE_IN_DOCSTRINGS = {"filters", "trained filters", "beside", "tells", "just"}  # short, and clear to who reads code


def banned() -> dict[str, re.Pattern[str]]:
    """The words of the left column of the list, and how each is found; file names such as clip.mp4 are not words."""
    rows = [line.split("|")[1] for line in STYLE.read_text().splitlines() if line.startswith("| `")]
    words = [word for row in rows for word in re.findall("`([^`]+)`", row)]
    return {word: re.compile(rf"(?<![\w./'-]){re.escape(word)}(?![\w-]|\.\w|')", re.IGNORECASE) for word in words}


BANNED = banned()


def found_in(text: str) -> list[str]:
    """Banned words of a text whose code is left out, each with what stands around it."""
    plain = " ".join(CODE.sub(" ", text).split())
    return [
        f"{word}: ...{plain[max(hit.start() - 40, 0) : hit.end() + 40]}..."
        for word, pattern in BANNED.items()
        for hit in pattern.finditer(plain)
    ]


def docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield PARAMETERS.sub(" ", ast.get_docstring(node) or "")


def test_the_list_finds_its_words() -> None:
    assert {"film", "clip", "filters"} <= set(BANNED)
    assert found_in("The film goes on.")
    assert not found_in("The filmed video `film` of clip.mp4, see [here](film.md).\n```sh\nfilm\n```")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not found_in(text.partition("## Word list")[0] if page == STYLE else text)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert not found_in(BOXES.sub(" ", capsys.readouterr().out))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_templates(template: Path) -> None:
    assert not found_in(MARKUP.sub(" ", template.read_text(encoding="utf-8")))


def test_messages_and_labels() -> None:
    """All strings with a space that are neither docstrings nor texts of errors."""
    trees = [ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py") if path.name != "errors.py"]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    documented = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    strings = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in documented]
    assert not [hit for text in strings if isinstance(text, str) and " " in text for hit in found_in(text)]


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_errors(code: str) -> None:
    assert not found_in(TEXTS[code])


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_docstrings(path: Path) -> None:
    hits = [hit for text in docstrings(path) for hit in found_in(text)]
    assert not [hit for hit in hits if hit.partition(":")[0] not in FINE_IN_DOCSTRINGS]
