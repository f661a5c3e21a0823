"""Settings from a form."""

from dataclasses import asdict

import pytest

from vidstyle.apps.web.choices import changed
from vidstyle.errors import SettingsError
from vidstyle.presets import PRESETS
from vidstyle.settings import Settings


@pytest.mark.parametrize("preset", PRESETS)
def test_an_untouched_form_is_the_preset(preset: str) -> None:
    made = Settings(**changed(asdict(Settings()), preset))
    assert made == Settings.preset(preset)


def test_what_is_moved_wins_over_the_preset() -> None:
    values = {**asdict(Settings()), "strength": 1, "steps": 7.0, "style_keys": " "}
    assert changed(values, "draft") == {"strength": 1.0, "steps": 7, "frame_steps": 2}


def test_what_cannot_be_is_an_error() -> None:
    with pytest.raises(SettingsError, match="--strength should be"):
        changed({"strength": 3}, "standard")
