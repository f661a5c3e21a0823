"""Hooks of mkdocs: the README is the first page, and links that leave docs/ lead to the repository's files.

The pages stay as they are on GitHub: the links are changed on the way to the site only.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
ABOVE = (
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "NOTICE",
    "LICENSE",
)  # pages of the site that are not in docs/


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Adds README.md as index.md, and the other pages of the root."""
    files.append(File.generated(config, "index.md", content=_moved((ROOT / "README.md").read_text(encoding="utf-8"))))
    for name in ABOVE:
        text = (ROOT / name).read_text(encoding="utf-8")
        page = text if name.endswith(".md") else f"# {name}\n\n```text\n{text}\n```\n"
        files.append(File.generated(config, _page_of(name), content=_moved(page)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to folders above docs/ become plain names: the site does not have them."""
    return re.sub(r"\[([^\]]+)\]\(\.\./(?!\w+\.md)[^)]*\)", r"`\1`", markdown)


def _page_of(name: str) -> str:
    return name if name.endswith(".md") else f"{name}.md"


def _moved(text: str) -> str:
    """A page of the root as one of docs/."""
    text = text.replace("](docs/", "](")
    for name in ABOVE:
        text = text.replace(f"]({name})", f"]({_page_of(name)})")
    return text
