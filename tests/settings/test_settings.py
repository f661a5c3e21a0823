import dataclasses
import json
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from vidstyle.errors import SettingsError
from vidstyle.settings.layers import LAYERS, parse_layers
from vidstyle.settings.presets import PRESETS
from vidstyle.settings.settings import Settings


def test_every_option_has_a_group_and_a_help_that_ends_in_a_stop() -> None:
    for option in dataclasses.fields(Settings):
        assert option.metadata["group"], option.name
        assert option.metadata["help"].endswith("."), option.name


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid(name: str) -> None:
    settings = Settings.preset(name)
    assert all(getattr(settings, key) == value for key, value in PRESETS[name].items())


def test_standard_is_the_default_and_changes_win_over_presets() -> None:
    assert Settings.preset("standard") == Settings()
    assert Settings.preset("draft", steps=99).steps == 99


def test_the_paper_preset_is_the_article_to_the_letter() -> None:
    paper = Settings.preset("paper")
    assert paper.keep_colors == "free"
    assert (paper.init, paper.loss, paper.optimizer, paper.pooling, paper.scales) == (
        "random",
        "sums",
        "lbfgs",
        "max",
        1,
    )
    assert paper.content_layer_weights == {"conv5_2": 1.0}
    assert paper.style_layer_weights == {f"conv{i}_1": 0.2 for i in range(1, 6)}


def test_an_unknown_preset_gets_the_nearest_name() -> None:
    with refused("VS241", "fien", "fine"):
        Settings.preset("fien")


@given(st.dictionaries(st.sampled_from(LAYERS), st.floats(0.001, 1000), min_size=1))
def test_layers_are_read_back_as_they_were_written(weights: dict[str, float]) -> None:
    assert parse_layers(", ".join(f"{layer}={weight!r}" for layer, weight in weights.items())) == weights


@given(st.dictionaries(st.sampled_from(LAYERS), st.floats(0.001, 1000), min_size=1))
def test_layer_weights_are_shares(weights: dict[str, float]) -> None:
    settings = Settings(style_layers=",".join(f"{layer}={weight!r}" for layer, weight in weights.items()))
    assert sum(settings.style_layer_weights.values()) == pytest.approx(1)


@given(st.text(max_size=30))
def test_any_text_is_layers_or_one_line_of_error(text: str) -> None:
    message = ""
    try:
        weights = parse_layers(text)
    except SettingsError as error:
        weights, message = {}, str(error)
    assert weights or message
    assert len(message.splitlines()) <= 1


@pytest.mark.parametrize(
    ("changes", "code", "fact"),
    [
        ({"strength": 1.5}, "VS244", "1.5"),
        ({"strength": float("nan")}, "VS244", "--strength"),
        ({"content_weight": -1}, "VS244", "--content-weight"),
        ({"steps": 0}, "VS244", "--steps"),
        ({"scales": 99}, "VS244", "--scales"),
        ({"size": "big"}, "VS244", "'big'"),
        ({"size": "12"}, "VS244", "--size"),
        ({"style_layers": "conv9_1"}, "VS233", "'conv9_1'"),
        ({"style_layers": "conv1_1=x"}, "VS243", "conv1_1"),
        ({"style_layers": "conv1_1=nan"}, "VS236", "conv1_1"),
        ({"style_layers": "conv1_1,relu1_1"}, "VS235", "conv1_1"),
        ({"style_layers": "conv1_1=0"}, "VS234", "conv1_1=0"),
        ({"loss": "cubes"}, "VS244", "'cubes'"),
        ({"loss": "sums", "strength": 0.7}, "VS237", "--strength"),
        ({"content_weight": 0, "style_weight": 0}, "VS240", "--content-weight"),
    ],
)
def test_a_wrong_value_gets_one_line_that_names_it(changes: dict[str, object], code: str, fact: str) -> None:
    with refused(code, fact):
        Settings(**changes)  # type: ignore[arg-type]


def test_settings_are_saved_whole() -> None:
    saved = json.loads(Settings(steps=7).to_json())
    assert Settings(**saved) == Settings(steps=7)


def test_choices_are_checked_for_every_literal_option() -> None:
    for name, kind in get_type_hints(Settings).items():
        if get_args(kind):
            with refused("VS244"):
                Settings(**{name: "nonsense"})
