"""Settings in files: what is written is read back, and what is wrong is told in one line."""

from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.refusals import refused
from vidstyle.errors import SettingsError
from vidstyle.settings.presets import PRESETS
from vidstyle.settings.settings import Settings
from vidstyle.settings.toml import LARGEST, load_settings, read_options, save_settings

KINDS = get_type_hints(Settings)
FREE = st.text(st.characters(codec="utf-8"), max_size=20)  # control characters and line ends among them
TEXTS = {
    "content_layers": st.sampled_from(["conv4_2", "conv4_2=1,conv5_2=0.5"]),
    "style_layers": st.sampled_from(["conv1_1", "relu1_1=0.2, conv3_1"]),
    "look_back": st.sampled_from(["1", "8,1"]),
    "size": st.sampled_from(["auto", "full", "640"]),
    "style_blend": st.just("0.7,0.3"),
    "style_keys": st.just("0s=A, 4s=0.5A+0.5B"),
    "strength_keys": st.just("0s=0.2, 4s=0.8"),
}


def value_of(name: str) -> st.SearchStrategy[Any]:
    kind = KINDS[name]
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    numbers = st.floats(0.05, 1) | st.just(1)  # a whole number may stand for any number
    return {bool: st.booleans(), int: st.integers(1, 2), float: numbers, str: TEXTS.get(name, FREE)}[kind]


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    names = draw(st.lists(st.sampled_from(list(KINDS)), unique=True))
    try:
        return Settings(**{name: draw(value_of(name)) for name in names})
    except SettingsError:
        assume(False)
        raise


@settings(deadline=None)
@given(any_settings(), st.sampled_from([None, *PRESETS]))
def test_any_settings_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, wanted: Settings, preset: str | None
) -> None:
    file = tmp_path_factory.mktemp("settings") / "my.toml"
    save_settings(file, wanted, preset)
    assert load_settings(file) == wanted
    assert {name: type(value) for name, value in vars(load_settings(file)).items()} == {
        name: str if get_args(kind) else kind for name, kind in KINDS.items()
    }


def test_a_file_says_what_differs_from_its_preset_and_no_more(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    save_settings(file, Settings.preset("fine", strength=0.7), "fine")
    assert file.read_text().splitlines()[1:] == ['preset = "fine"', "strength = 0.7"]
    save_settings(file, Settings.preset("fine", strength=0.7), overwrite=True)
    assert file.read_text().splitlines()[1:] == ["strength = 0.7", "steps = 60", "frame_steps = 10", "every = 1"]
    save_settings(file, Settings.preset("fine", steps=Settings().steps), "fine", overwrite=True)
    assert file.read_text().splitlines()[1:] == ['preset = "fine"', "steps = 20"]


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "my.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_names_may_have_dashes_or_underscores(tmp_path: Path) -> None:
    file = written(tmp_path, "frame-steps = 5\nstyle_loss = 'covariance'  # a remark\n")
    assert load_settings(file) == Settings(frame_steps=5, style_loss="covariance")


def test_a_file_of_windows_is_read(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, b"\xef\xbb\xbfsteps = 5\r\n")).steps == 5


def test_a_whole_number_is_a_number(tmp_path: Path) -> None:
    assert repr(load_settings(written(tmp_path, "strength = 1")).strength) == "1.0"


@pytest.mark.parametrize(
    ("text", "code", "fact"),
    [
        ("frame-stesp = 5", "VS249", "frame_steps"),
        ("preste = 'fine'", "VS249", "preset"),
        ("[vidstyle]\nsteps = 5", "VS249", "vidstyle --help"),
        ("frame-steps = 5\nframe_steps = 6", "VS250", "frame_steps"),
        ("steps = '5'", "VS247", "'5'"),
        ("steps = 5.0", "VS247", "5.0"),
        ("steps = true", "VS247", "true"),
        ("strength = true", "VS247", "true"),
        ("strength = '0.5'", "VS247", "'0.5'"),
        ("content_weight = 1" + "0" * 400, "VS247", "content_weight"),
        ("size = 640", "VS247", "640"),
        ("loop = 1", "VS247", "1"),
        ("seed = 1979-05-27", "VS247", "datetime.date"),
        ("style_layers = ['conv1_1']", "VS247", "['conv1_1']"),
        ("preset = 3", "VS247", "3"),
        ("preset = 'fien'", "VS255", "fine"),
        ("strength = nan", "VS255", "nan"),
        ("frame-steps = 0", "VS255", "--frame-steps"),
        ("style_layers = 'conv9_1'", "VS248", "'conv9_1'"),
        ("loss = 'sums'\nstrength = 0.7", "VS255", "--strength"),
        ("preset = 'paper'\nstrength = 0.7", "VS255", "--strength"),
        ("steps = 5\nstrength = high", "VS254", "line 2, column 12"),
        ("steps 5", "VS254", "line 1"),
        ("steps = 5\nsteps = 6", "VS254", "end of document"),
        ("a = " + "[" * 9999, "VS254", ""),
        (b"\x89PNG\r\n\xff\x00", "VS252", ""),
        (b"#" * (LARGEST + 1), "VS246", ""),
    ],
)
def test_what_is_wrong_is_one_line_with_the_file(text: str | bytes, code: str, fact: str, tmp_path: Path) -> None:
    file = written(tmp_path, text)
    with refused(code, fact) as error:
        load_settings(file)
    assert str(error.value).startswith(str(file))
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_is_not_there_and_a_folder_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with refused("VS251"):
            load_settings(path)


@settings(deadline=None)
@given(st.one_of(FREE, st.builds("{} = {}".format, st.sampled_from([*KINDS, "preset"]), FREE)))
def test_any_text_is_settings_or_one_line_of_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = written(tmp_path_factory.mktemp("settings"), text)
    known, told = True, ""
    try:
        known = read_options(file).keys() <= {*KINDS, "preset"}
    except SettingsError as error:
        told = str(error)
    assert known
    assert len(told.splitlines()) <= 1


def test_nothing_is_written_over_unless_it_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    save_settings(file, Settings(steps=5))
    save_settings(file, Settings(steps=5))
    with refused("VS402"):
        save_settings(file, Settings(steps=6))
    assert load_settings(file).steps == 5
    save_settings(file, Settings(steps=6), overwrite=True)
    assert load_settings(file).steps == 6
    assert list(tmp_path.iterdir()) == [file]


def test_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    for path, code in (
        (tmp_path / "my.txt", "VS414"),
        (tmp_path / "none" / "my.toml", "VS417"),
        (folder, "VS415"),
    ):
        with refused(code):
            save_settings(path, Settings(), overwrite=True)


def test_a_name_that_is_no_unicode_cannot_be_saved(tmp_path: Path) -> None:
    with refused("VS256"):
        save_settings(tmp_path / "my.toml", Settings(init="\udcff.png"))
    assert not list(tmp_path.iterdir())
