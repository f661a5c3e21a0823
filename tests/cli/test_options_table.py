"""The table of options in the docs is the one that the settings make."""

import runpy
from dataclasses import fields
from pathlib import Path

from vidstyle.settings.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_is_up_to_date() -> None:
    page = runpy.run_path(str(ROOT / "scripts" / "options_table.py"))["page"]()
    assert (ROOT / "docs" / "options.md").read_text(encoding="utf-8") == page, "run scripts/options_table.py"
    assert all(f"`--{option.name.replace('_', '-')}`" in page for option in fields(Settings))
