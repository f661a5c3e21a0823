"""What a form asks for."""

from dataclasses import asdict
from pathlib import Path

import pytest

from vidstyle.errors import SettingsError, SourceError
from vidstyle.settings.presets import PRESETS
from vidstyle.settings.settings import Settings
from vidstyle.web.form import changed, the_one


@pytest.mark.parametrize("preset", PRESETS)
def test_an_untouched_form_is_the_preset(preset: str) -> None:
    made = Settings(**changed(asdict(Settings()), preset))
    assert made == Settings.preset(preset)


def test_what_is_moved_wins_over_the_preset() -> None:
    values = {**asdict(Settings()), "strength": 1, "steps": 7.0, "style_keys": " "}
    assert changed(values, "draft") == {"strength": 1.0, "steps": 7, "frame_steps": 2}


def test_what_cannot_be_is_an_error() -> None:
    with pytest.raises(SettingsError) as caught:
        changed({"strength": 3}, "standard")
    assert caught.value.code == "VS244"


def test_one_thing_is_painted() -> None:
    assert the_one("clip.mp4", None) == Path("clip.mp4")
    assert the_one("", "shot.webp") == Path("shot.webp")
    for given, code in (((None, None), "VS357"), (("clip.mp4", "shot.webp"), "VS358")):
        with pytest.raises(SourceError) as caught:
            the_one(*given)
        assert caught.value.code == code
