"""What a form asks for."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest

from vidstyle.core.sizes import size_of
from vidstyle.errors import SettingsError, SourceError, VidstyleError
from vidstyle.jobs.spec import JobSpec
from vidstyle.settings.presets import PRESETS
from vidstyle.settings.settings import Settings
from vidstyle.web.form import changed, field_of, in_words_of_the_page, restored, the_one
from vidstyle.web.job_folder import first_image


@pytest.mark.parametrize("preset", PRESETS)
def test_an_untouched_form_is_the_preset(preset: str) -> None:
    made = Settings(**changed(asdict(Settings()), preset))
    assert made == Settings.preset(preset)


def test_what_is_moved_wins_over_the_preset() -> None:
    values = {**asdict(Settings()), "strength": 1, "steps": 7.0, "style_keys": " "}
    assert changed(values, "draft") == {"strength": 1.0, "steps": 7, "frame_steps": 1}


@pytest.mark.parametrize(
    "settings", [{}, {"strength": 0.8}, {"steps": 8, "frame_steps": 1}, {"steps": 8}, {"steps": 60}]
)
@pytest.mark.parametrize("preset", PRESETS)
def test_a_form_is_restored_from_the_settings_it_made(preset: str, settings: dict[str, Any]) -> None:
    if preset == "paper" and "strength" in settings:
        return  # plain sums have none
    made = changed({**asdict(Settings()), **settings}, preset)
    found, values = restored(made)
    assert found == preset or "steps" in settings
    assert changed(values, found) == made


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


def test_errors_name_settings_as_the_page_does() -> None:
    with pytest.raises(SettingsError) as caught:
        changed({"size": "huge", "keep_colors": "no"}, "standard")
    assert in_words_of_the_page(caught.value.line).startswith("Size must be auto")
    assert in_words_of_the_page("--keep-colors and --size") == "Colours and Size"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"steps": 0}, "set-steps"),
        ({"style_layers": " conv9_1 "}, "set-style-layers"),
        ({"content_layers": "conv1_1=x"}, "set-content-layers"),
        ({"strength_keys": "soon=1"}, "set-strength-keys"),
        ({"style_keys": "0s=A, 0s=B"}, "set-style-keys"),
        ({"style_blend": "1,1", "style_per_shot": True}, "set-style-blend"),
        ({"loss": "sums", "strength": 0.7}, "set-strength"),
    ],
)
def test_an_error_names_its_field(values: dict[str, Any], field: str) -> None:
    sent = {**asdict(Settings()), **values}
    with pytest.raises(VidstyleError) as caught:
        JobSpec.of(Path("clip.mp4"), [Path("a.png"), Path("b.png")], settings=Settings(**changed(sent, "standard")))
    assert field_of(caught.value, sent) == field


def test_an_error_of_a_part_names_its_slider_and_others_no_field() -> None:
    assert field_of(SettingsError("VS217", start=2, to=1), asdict(Settings())) == "start"
    assert not field_of(SourceError("VS357"), asdict(Settings()))


def test_what_is_first_seen_of_a_file(tmp_path: Path, film: Path, photo: Path) -> None:
    (tmp_path / "twice.gif").write_bytes(
        iio.imwrite("<bytes>", np.stack([np.full((6, 8, 3), level, np.uint8) for level in (200, 20)]), extension=".gif")
    )
    for file, size in ((film, (48, 64)), (photo, (48, 64)), (tmp_path / "twice.gif", (6, 8))):
        image = first_image(file)
        assert image is not None
        assert size_of(image) == size
    assert float(image.mean()) == pytest.approx(200 / 255, abs=0.01)
