"""Reports of films that were made so that their figures are known."""

import base64
import json
import math
import re
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torch import Tensor

from tests.images import clouds, random_tensors, stripes
from tests.refusals import refused
from vidstyle.api import stylize
from vidstyle.core.color_transfer import Palettes
from vidstyle.core.weights import save_filters
from vidstyle.evaluation.judge import Judge
from vidstyle.evaluation.plots import Curve, plotted
from vidstyle.evaluation.report import COLOURS, Report, compare, film_curves, write_report
from vidstyle.images import save_image
from vidstyle.jobs.events import FAR_OFF, Work, far_off
from vidstyle.settings.settings import Settings
from vidstyle.video.encoder import Film
from vidstyle.video.muxer import Sink

COUNT, SIZE = 12, (64, 96)
SCENE = clouds(64, 140, grain=6)


def film(path: Path, images: list[Tensor]) -> Path:
    with Sink(Film(path, SIZE, Fraction(24))) as sink:
        for image in images:
            sink.write(image)
        sink.finish()
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A still clip, films that hold, flicker and fade on it, a style and filters."""
    folder = tmp_path_factory.mktemp("report")
    generator = torch.Generator().manual_seed(0)
    paint = 0.3 + 0.4 * SCENE[:, :, :96].flip(0)
    film(folder / "source.mp4", [SCENE[:, :, :96]] * COUNT)
    film(folder / "holds.mp4", [paint] * COUNT)
    film(folder / "flickers.mp4", [(paint + 0.2 * torch.randn(1, *SIZE, generator=generator)) for _ in range(COUNT)])
    film(folder / "fades.mp4", [paint - 0.01 * i for i in range(COUNT)])
    save_image(folder / "style.png", stripes(64, 64))
    save_filters(random_tensors("conv2_2"), folder / "filters.safetensors")
    return folder


@pytest.fixture(scope="module")
def settings(place: Path) -> Settings:
    return Settings(
        style_layers="conv1_1,conv2_1",
        content_layers="conv2_1",
        weights=str(place / "filters.safetensors"),
        steps=2,
        frame_steps=1,
        scales=1,
    )


@pytest.fixture(scope="module")
def report(place: Path, settings: Settings) -> Report:
    films = [place / f"{name}.mp4" for name in ("holds", "flickers", "fades", "source")]
    return compare(films, place / "source.mp4", [place / "style.png"], settings)


def summaries(report: Report) -> dict[str, dict[str, float]]:
    return {film["file"]: film["summary"] for film in json.loads(report.to_json())["films"]}


def test_flicker_and_drift_are_found_where_they_are(report: Report) -> None:
    found = summaries(report)
    assert found["holds.mp4"]["flicker"] < 1 < 5 < found["flickers.mp4"]["flicker"]
    assert found["holds.mp4"]["warp_error"] < 0.05 * found["flickers.mp4"]["warp_error"]
    assert found["holds.mp4"]["long_warp_error"] < 0.05 * found["flickers.mp4"]["long_warp_error"]
    assert found["fades.mp4"]["drift"] == pytest.approx(-255 * 0.01 * (COUNT - 1), abs=4)
    assert abs(found["holds.mp4"]["drift"]) < 1


def test_the_source_itself_keeps_all_structure_and_has_all_of_the_styles_distance(report: Report) -> None:
    source = summaries(report)["source.mp4"]
    assert source["structure"] > 0.99
    assert source["style_distance"] == pytest.approx(1, abs=0.02)
    assert summaries(report)["holds.mp4"]["structure"] < 0.99


def test_style_is_judged_by_each_layer_and_by_layers_that_were_not_optimised(report: Report) -> None:
    figures = json.loads(report.to_json())
    assert figures["style_layers"] == ["conv1_1", "conv2_1"]
    assert figures["held_out_layers"] == ["conv1_2"]
    frame = figures["films"][0]["frames"][0]
    assert set(frame["style"]) == {"conv1_1", "conv1_2", "conv2_1"}


def far_off_dots(curve: Curve) -> list[int]:
    """The places of the frames that a plot marks."""
    (line,) = plotted([curve], (4, 3), {}).axes[0].get_lines()
    assert line.get_marker() == "o"
    return list(line.get_markevery())  # type: ignore[call-overload]


def test_frames_far_off_the_usual_are_marked(place: Path, settings: Settings, report: Report) -> None:
    assert all(figures["far_off"] == 0 for figures in summaries(report).values())
    source = SCENE[:, :, :96]
    film(place / "lost.mp4", [clouds(*SIZE, seed=9, grain=2) if i == 7 else source for i in range(COUNT)])
    lost = compare(
        [place / "lost.mp4"], place / "source.mp4", [place / "style.png"], settings.replace(keep_colors="free")
    )
    assert summaries(lost)["lost.mp4"]["far_off"] == 1
    assert [far_off_dots(curve) for curve in film_curves(lost)["content error"]] == [[7]]
    assert not any(map(far_off_dots, chain(*film_curves(report).values())))


def test_far_off_is_against_the_median_of_what_is_known() -> None:
    assert far_off([1.0, 2.0, 1.0, FAR_OFF + 0.5, float("nan"), 0.0, 1.0]) == [3]
    assert far_off([]) == far_off([float("nan"), 0.0]) == []


def test_what_cannot_be_measured_is_null_and_not_nought(report: Report) -> None:
    first = json.loads(report.to_json())["films"][0]["frames"][0]
    assert first["warp_error"] is None
    assert first["work"] is None
    assert summaries(report)["holds.mp4"]["seconds"] is None


class Page(HTMLParser):
    """Counts elements, and remembers what is loaded."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.count: dict[str, int] = {}
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        self.addresses += [value for name, value in attrs if name in ("src", "href") and value]


def test_the_page_holds_everything_itself(report: Report) -> None:
    page = Page(report.to_html())
    kinds = Counter(address.split(",")[0] for address in page.addresses)
    films, pairs, plots = 4, sum(len(film.worst) for film in report.films), len(film_curves(report))
    assert kinds == {
        "data:image/jpeg;base64": (films + 1) * (8 + 2) + 3 * pairs,
        "data:image/svg+xml;base64": plots,
    }
    assert pairs == films * 3
    drawings = [a.split(",")[1] for a in page.addresses if a.startswith("data:image/svg")]
    for drawing in map(base64.b64decode, drawings):
        text = drawing.decode()
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert not [a for a in re.findall(r'(?:href|src)="([^"]*)"', text) if not a.startswith("#")]


def test_names_of_files_cannot_write_into_the_page(place: Path, settings: Settings) -> None:
    evil = place / "<script>alert(1)<script>.mp4"
    evil.write_bytes((place / "holds.mp4").read_bytes())
    found = compare([evil], place / "source.mp4", [place / "style.png"], settings)
    assert "<script>" not in found.to_html()


def test_each_film_has_a_curve_of_its_own_colour_in_each_plot(report: Report) -> None:
    for curves in film_curves(report).values():
        assert [curve.label for curve in curves] == [film.name for film in report.films]
        assert [curve.look["color"] for curve in curves] == list(COLOURS[:4])
        (axes,) = plotted(curves, (4, 3), {}).axes
        low, high = axes.get_ylim()
        assert all(low <= y <= high for curve in curves for y in curve.y if not math.isnan(y))


def test_cuts_are_dashed_lines() -> None:
    (axes,) = plotted([Curve("a", [0.0, 1.0, 2.0], [1.0, 2.0, 3.0])], (4, 3), {1.0: ""}).axes
    curve, cut = axes.get_lines()
    assert list(cut.get_xdata()) == [1.0, 1.0]  # type: ignore[arg-type]
    assert cut.is_dashed()
    assert not curve.is_dashed()


def test_a_film_with_more_frames_than_its_source_is_refused(place: Path, settings: Settings) -> None:
    with refused("VS307"):
        compare([place / "holds.mp4"], place / "source.mp4", [place / "style.png"], settings, end=0.25)


def test_work_is_reported_where_it_is_known(place: Path, settings: Settings) -> None:
    work = [Work(3, 2.5, 1.5, 2e9)] * COUNT
    found = compare([place / "holds.mp4"], place / "source.mp4", [place / "style.png"], settings, work=work)
    figures = summaries(found)["holds.mp4"]
    assert [figures[key] for key in ("steps", "full_steps", "seconds", "memory")] == [3, 2.5, 1.5, 2e9]
    assert "seconds per frame" in found.to_html()


def test_a_report_replaces_nothing_unasked(place: Path, tmp_path: Path, report: Report) -> None:
    page, figures = write_report(report, tmp_path / "r.html")
    assert (page.name, figures.name) == ("r.html", "r.json")
    with refused("VS402"):
        write_report(report, page)
    write_report(report, page, overwrite=True)
    with refused("VS413"):
        write_report(report, tmp_path / "none" / "r.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.json"]


def test_a_job_writes_its_report(place: Path, settings: Settings, tmp_path: Path) -> None:
    summary = stylize(place / "source.mp4", [place / "style.png"], tmp_path / "out.mp4", settings, report=True)
    assert summary.report == tmp_path / "out_report.html"
    figures = json.loads((tmp_path / "out_report.json").read_text())["films"][0]
    assert figures["summary"]["frames"] == COUNT
    assert figures["frames"][0]["work"]["steps"] == 2
    assert figures["frames"][5]["work"]["steps"] == 0  # the clip stands still
    assert figures["summary"]["memory"] > 1e8
    (tmp_path / "out.mp4").unlink()
    with refused("VS402", "out_report.html"):
        stylize(place / "source.mp4", [place / "style.png"], tmp_path / "out.mp4", settings, report=True)


def test_a_film_that_ends_early_is_measured_as_far_as_it_goes_and_told(
    place: Path, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    short = film(tmp_path / "short.mp4", [SCENE[:, :, :96]] * 5)
    found = compare([short], place / "source.mp4", [place / "style.png"], settings)
    assert len(found.films[0].measures.frames) == 5
    assert "has 5 of the source's 12 frames" in caplog.text


def test_the_content_error_of_the_source_in_the_colours_that_were_wanted_is_nought(
    place: Path, settings: Settings
) -> None:
    own = settings.replace(keep_colors="free")
    errors = [
        summaries(compare([place / name], place / "source.mp4", [place / "style.png"], own))[name]["content"]
        for name in ("source.mp4", "holds.mp4")
    ]
    assert errors[0] < 0.01 < 0.1 < errors[1]


def test_the_part_that_was_painted_is_what_is_compared(place: Path, settings: Settings, tmp_path: Path) -> None:
    """Odd sides, which the encoder pads, and a part from the middle with a cut in it."""
    views = [clouds(65, 97, seed=i // 12, grain=6) * (1 - 0.6 * (i < 12)) for i in range(24)]
    with Sink(Film(tmp_path / "cut.mkv", (65, 97), Fraction(24))) as sink:
        for view in views:
            sink.write(view)
        sink.finish()
    words = tmp_path / "cut.mkv", [place / "style.png"], tmp_path / "out.mp4", settings
    stylize(*words, start=0.2, end=0.9, report=True)
    found = json.loads((tmp_path / "out_report.json").read_text())["films"][0]["frames"]
    cuts = [frame["seconds"] for frame in found if frame["cut"]]
    assert cuts == [pytest.approx(12 / 24)]
    after = found[[frame["cut"] for frame in found].index(True)]
    assert after["warp_error"] is None


def test_animations_are_refused(place: Path, settings: Settings, tmp_path: Path) -> None:
    with refused("VS219"):
        stylize(place / "source.mp4", [place / "style.png"], tmp_path / "out.gif", settings, report=True)
    stylize(place / "source.mp4", [place / "style.png"], tmp_path / "out.gif", settings)
    with refused("VS306"):
        compare([tmp_path / "out.gif"], place / "source.mp4", [place / "style.png"], settings)


def test_a_report_that_fails_leaves_the_film_and_says_so(
    place: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out_report.json").mkdir()  # where the figures should go
    with refused("VS803", "out.mp4", "out_report.json"):
        stylize(
            place / "source.mp4", [place / "style.png"], tmp_path / "out.mp4", settings, report=True, overwrite=True
        )
    assert (tmp_path / "out.mp4").exists()


def test_layers_that_hold_the_content_do_not_count_as_not_optimised(settings: Settings) -> None:
    layers = {"conv1_1": 0.5, "conv2_2": 0.5}
    judge = Judge.of(
        random_tensors("conv2_2"), "avg", [stripes(32, 32)], layers, ("conv1_2",), Palettes(), torch.device("cpu")
    )
    assert judge.held_out == []


def test_names_that_are_no_unicode_do_not_stop_a_report(report: Report, tmp_path: Path) -> None:
    odd = replace(report, source=Path("caf\udce9.mp4"))
    page, _ = write_report(odd, tmp_path / "r.html")
    assert "caf&#56553;.mp4" in page.read_text()
