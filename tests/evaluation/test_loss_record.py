"""The losses of paintings, as tables and plots."""

import ast
import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

import vidstyle
from tests.films import StopsAfter, many_shots
from tests.images import clouds, random_filters, stripes
from tests.refusals import refused
from vidstyle.api import stylize
from vidstyle.core.losses import Losses
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import Step, stylize_image
from vidstyle.evaluation.loss_record import FrameLosses, LossRecord, StepLosses, figure_of
from vidstyle.images import load_image
from vidstyle.jobs.events import Listener, Listeners
from vidstyle.settings.settings import Settings


@pytest.fixture(scope="module")
def painted() -> StepLosses:
    """What was recorded of an image in two scales."""
    settings = Settings(style_layers="conv1_1,conv2_1=0.2", content_layers="conv2_1", tv_weight=0.1, steps=3, scales=2)
    record = StepLosses()
    stylize_image(StyleModel.of([stripes(48, 64)], random_filters("conv2_1"), settings), clouds(80, 96), record.step)
    return record


def rows_of(record: LossRecord) -> list[dict[str, float]]:
    """The rows of its CSV, as numbers."""
    return [{name: float(text) for name, text in row.items()} for row in csv.DictReader(io.StringIO(record.to_csv()))]


def assert_sums(row: Mapping[str, float]) -> None:
    layers = sum(part for name, part in row.items() if name.startswith(("content_", "style_")))
    assert layers == pytest.approx(row["content"] + row["style"])
    assert row["content"] + row["style"] + row["variation"] + row["temporal"] == pytest.approx(row["total"])


def test_the_parts_of_each_step_sum_to_its_total(painted: StepLosses) -> None:
    rows = rows_of(painted)
    assert [row["step"] for row in rows] == list(range(1, 7))  # 3 of each size
    assert {(row["width"], row["height"]) for row in rows[:3]} == {(48, 40)}
    assert {(row["width"], row["height"]) for row in rows[3:]} == {(96, 80)}
    for row in rows:
        assert_sums(row)
        assert all(row[name] > 0 for name in ("content_conv2_1", "style_conv1_1", "style_conv2_1", "variation"))
    assert rows[2]["total"] < rows[0]["total"]


def test_both_kinds_of_table_say_the_same(painted: StepLosses) -> None:
    assert json.loads(painted.to_json()) == {"earlier": 0, "steps": rows_of(painted)}


def test_scales_begin_where_the_size_changes(painted: StepLosses) -> None:
    assert [(entry.number, entry.begins) for entry in painted.entries if entry.begins] == [(1, "48x40"), (4, "96x80")]


def test_each_layer_has_a_curve_of_its_own_kind(painted: StepLosses) -> None:
    (axes,) = figure_of(painted).axes
    curves = {str(line.get_label()): line for line in axes.get_lines() if not str(line.get_label()).startswith("_")}
    assert list(curves) == ["total", "style conv1_1", "style conv2_1", "content conv2_1", "variation"]
    assert curves["total"].get_color() == "black"
    assert curves["content conv2_1"].get_linestyle() != curves["style conv2_1"].get_linestyle()
    found = [value for value in curves["style conv2_1"].get_ydata() if math.isfinite(value)]  # type: ignore[union-attr]
    assert found == [row["style_conv2_1"] for row in rows_of(painted)]
    assert axes.get_yscale() == "log"
    assert {text.get_text().strip() for text in axes.texts} == {"48x40", "96x80"}


def test_plots_are_images(painted: StepLosses, tmp_path: Path) -> None:
    painted.plot(tmp_path / "losses.png")
    assert min(load_image(tmp_path / "losses.png").rgb.shape[1:]) > 500
    painted.plot(tmp_path / "losses.svg")
    assert ElementTree.parse(tmp_path / "losses.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf], ids=str)
def test_losses_that_a_logarithm_does_not_like_are_drawn_and_written(value: float, tmp_path: Path) -> None:
    record = StepLosses()
    record.step(Step(1, 1, 1.0, torch.zeros(3, 8, 8), Losses({}, {"conv1_1": value})))
    record.plot(tmp_path / "losses.svg")
    (row,) = json.loads(record.to_json())["steps"]
    assert row["total"] == (value if math.isfinite(value) else None)


def test_what_cannot_be_written_is_one_line(painted: StepLosses, tmp_path: Path) -> None:
    (tmp_path / "there.csv").touch()
    (tmp_path / "there.png").touch()
    for name, code in (("a.txt", "VS414"), ("none/a.csv", "VS417"), ("there.csv", "VS402")):
        with refused(code, name):
            painted.save(tmp_path / name)
    with refused("VS412"):
        StepLosses().plot(tmp_path / "a.png")
    for name, code in (("a.pdf", "VS414"), ("none/a.png", "VS417"), ("there.png", "VS402")):
        with refused(code, name):
            painted.plot(tmp_path / name)
    assert {file.name for file in tmp_path.iterdir()} == {"there.csv", "there.png"}
    painted.save(tmp_path / "there.csv", overwrite=True)
    assert (tmp_path / "there.csv").read_text() == painted.to_csv()


def test_a_film_is_recorded_frame_by_frame_and_goes_on(settings: Settings, style: Path, tmp_path: Path) -> None:
    film, out = many_shots(tmp_path / "film.mp4", count=16, shots=2, size=(64, 80)), tmp_path / "out.mp4"
    settings = settings.replace(loss="sums", content_layers="conv2_1", every=1)
    first, rest, stops = FrameLosses(), FrameLosses(), StopsAfter(12)
    with pytest.raises(KeyboardInterrupt):
        stylize(film, [style], out, settings, listener=Listeners(first, stops))
    stylize(film, [style], out, settings, listener=rest)
    before, after = rows_of(first), rows_of(rest)
    assert [row["frame"] for row in before] == list(range(12))
    assert rest.earlier == after[0]["frame"] == 8  # the first shot was safe
    assert [row["frame"] for row in after] == list(range(8, 16))
    assert [row["frame"] for row in before if row["cut"]] == [8]
    assert after[1]["seconds"] == pytest.approx(9 * 1001 / 24000, abs=1e-3)
    assert [row["steps"] for row in after] == [2, *[1] * 7]
    for row in (*before, *after):
        assert_sums(row)
    assert "8 painted by an earlier run" in figure_of(rest).axes[0].get_xlabel()
    assert json.loads(rest.to_json())["earlier"] == 8


def test_several_listeners_hear_all_that_one_hears() -> None:
    class Heard(Listener):
        def __init__(self) -> None:
            self.calls: list[tuple[object, ...]] = []

        def working(self, what: str, done: float, count: float) -> None:
            self.calls.append((what, done, count))

        def interrupted(self, partial: Path | None, frames: int, kept: int) -> None:
            self.calls.append((partial, frames, kept))

    ears = Heard(), Heard()
    both: Listener = Listeners(*ears)
    both.working("reading", 1, 2)
    both.interrupted(None, 3, 2)
    assert ears[0].calls == ears[1].calls == [("reading", 1, 2), (None, 3, 2)]


def test_matplotlib_waits_until_something_is_drawn() -> None:
    for file in Path(vidstyle.__file__).parent.rglob("*.py"):
        at_once = [ast.unparse(node) for node in ast.parse(file.read_text()).body if "Import" in type(node).__name__]
        late = [line for line in at_once if "matplotlib" in line or "jobs.curves" in line]
        assert not late or file.name == "curves.py"
