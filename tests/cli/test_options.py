"""Words of the command line to values."""

import re
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import hypothesis
import pytest
from cyclopts import CycloptsError
from hypothesis import assume, given
from hypothesis import strategies as st

from vidstyle.cli.main import app
from vidstyle.cli.settings_options import Chosen
from vidstyle.errors import SettingsError
from vidstyle.settings.keyframes import to_seconds
from vidstyle.settings.presets import PRESETS
from vidstyle.settings.settings import Settings

NAMES = [option.name for option in fields(Settings)]
TEXTS = {
    "content_layers": ("conv4_2", "conv4_2=1,conv5_2=0.5", "relu3_1"),
    "style_layers": ("conv1_1", "conv1_1=1,conv3_1=0.2"),
    "look_back": ("1", "1,2,4", "8,1"),
    "init": ("content", "random", "start.png"),
    "size": ("auto", "full", "64"),
    "quality": ("auto", "0", "18"),
    "pix_fmt": ("auto", "yuv420p10le"),
    "weights": ("auto", "imagenet", "selftaught", "a file.pth"),
    "lut": ("", "slog3.cube"),
    "style_blend": ("", "0.7,0.3"),
    "style_keys": ("", "0s=A, 4s=B, 8s=0.5A+0.5B"),
    "strength_keys": ("", "0s=0.2, 4s=0.8"),
}


def parsed(*words: str) -> dict[str, Any]:
    _, bound, _ = app.parse_args(["clip.mp4", *words], exit_on_error=False, print_error=False)
    return dict(bound.arguments)


def settings(*words: str) -> Settings:
    """The settings that the words of the command line make."""
    return Chosen.of({name: value for name, value in parsed(*words).items() if name in ("preset", *NAMES)}).settings


def values(name: str) -> st.SearchStrategy[Any]:
    kind = get_type_hints(Settings)[name]
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    texts = st.sampled_from(TEXTS.get(name, ("",)))
    return {bool: st.booleans(), int: st.integers(1, 8), float: st.floats(0, 1), str: texts}[kind]


def test_every_text_option_has_examples_here() -> None:
    assert set(TEXTS) == {name for name, kind in get_type_hints(Settings).items() if kind is str}


@hypothesis.settings(deadline=None)
@given(st.data(), st.sampled_from(NAMES), st.sampled_from(list(PRESETS)))
def test_an_option_arrives_and_wins_over_the_preset(data: st.DataObject, name: str, preset: str) -> None:
    value = data.draw(values(name))
    try:
        wanted = Settings.preset(preset, **{name: value})
    except SettingsError:
        assume(False)
    flag = f"--{name.replace('_', '-')}"
    words = [flag][: int(value)] if isinstance(value, bool) else [flag, str(value)]
    assert settings("--preset", preset, *words) == wanted


def test_without_options_the_settings_are_those_of_standard() -> None:
    assert settings() == Settings()


def test_a_preset_holds_where_no_option_is_given() -> None:
    assert settings("--preset", "fine", "--seed", "3") == Settings(steps=60, frame_steps=10, every=1, seed=3)


def test_style_is_repeatable() -> None:
    assert [path.name for path in parsed("-s", "a.png", "--style", "b.png")["wanted"].style] == ["a.png", "b.png"]


def test_at_is_repeatable_with_and_without_a_unit() -> None:
    assert parsed("--preview", "--at", "12.5s", "--at", "3")["look"].at == (12.5, 3.0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("12.5", 12.5), ("12.5s", 12.5), ("0", 0), ("1:30", 90), ("1:02:03.5", 3723.5), ("90s", 90)]
)
def test_times(text: str, seconds: float) -> None:
    assert to_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "-1", "1:60", "1:-1", "nan", "inf", "1:2:3:4", "0.5:30", "12m", "-1:30", "1::2"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        to_seconds(text)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_a_clock_time_is_its_seconds(hours: int, minutes: int, seconds: int) -> None:
    assert to_seconds(f"{hours}:{minutes:02}:{seconds:02}") == 3600 * hours + 60 * minutes + seconds


def test_memory_is_given_in_gigabytes() -> None:
    assert parsed("--max-memory", "0.5")["job_options"].max_memory == 5e8
    for word in ("0", "-1", "inf", "much"):
        with pytest.raises(CycloptsError):
            parsed("--max-memory", word)
