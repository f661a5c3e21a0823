import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.images import clouds, stripes
from vidstyle.core.calibration import (
    LARGEST,
    PROBE_AREA,
    PROBES,
    _next_guess,
    _probe_size,
    calibrated,
    least_balance,
    search_cost,
    structure,
    wanted_structure,
)
from vidstyle.core.color_transfer import Palettes
from vidstyle.core.selftaught import learn
from vidstyle.core.sizes import resize, size_of
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import scale_plan, stylize_image
from vidstyle.core.weights import Filters
from vidstyle.settings.settings import Settings

SMALL = Settings(style_layers="conv1_1,conv2_1", content_layers="conv2_2", pooling="avg")
STYLE = clouds(64, 80, seed=1, grain=3)
FILTERS = Filters("selftaught", "", learn([STYLE, clouds(96, 120, grain=16)], deepest="conv2_2"))


def test_an_image_has_all_of_its_own_structure() -> None:
    assert structure(clouds(90, 120), clouds(90, 120)) == pytest.approx(1, abs=1e-3)


def test_structure_forgets_brightness_contrast_and_colour() -> None:
    image = clouds(90, 120)
    assert structure(0.3 + 0.5 * image, image) == pytest.approx(1, abs=1e-3)
    assert structure(image.mean(0, keepdim=True).expand(3, -1, -1), image) > 0.7


def test_other_images_share_no_structure_and_negatives_have_the_opposite() -> None:
    image = clouds(90, 120)
    assert abs(structure(clouds(90, 120, seed=1), image)) < 0.3
    assert structure(1 - image, image) == pytest.approx(-1, abs=1e-3)


def test_flat_and_tiny_images_have_a_structure_that_is_a_number() -> None:
    flat = torch.full((3, 40, 40), 0.4)
    assert structure(flat, flat) == structure(flat, flat)
    assert -1 <= structure(clouds(3, 5), clouds(3, 5, seed=1)) <= 1


def test_more_strength_wants_less_structure_and_gets_a_smaller_balance() -> None:
    found = []
    for strength in (0.2, 0.8):
        model = StyleModel.of([STYLE], FILTERS, SMALL.replace(strength=strength))
        found.append(calibrated(model, [clouds(96, 120, grain=16)]).balance)
    assert wanted_structure(0.2) > wanted_structure(0.8)
    assert found[0] > 1.5 * found[1]


def test_the_balance_is_found_for_the_image_with_the_most_contrast() -> None:
    model = StyleModel.of([STYLE], FILTERS, SMALL.replace(keep_colors="free"))
    black, image = torch.zeros(3, 96, 120), clouds(96, 120)
    assert calibrated(model, [black, image]).balance == calibrated(model, [image]).balance


@pytest.mark.parametrize("image", [torch.zeros(3, 64, 64), torch.ones(3, 5, 9), clouds(1, 300)])
def test_images_without_structure_have_a_balance_all_the_same(image: torch.Tensor) -> None:
    balance = calibrated(StyleModel.of([stripes(96, 96)], FILTERS, SMALL), [image]).balance
    assert least_balance(SMALL.strength) <= balance <= LARGEST


def test_a_balance_that_meets_its_bound_is_told(caplog: pytest.LogCaptureFixture) -> None:
    model = StyleModel.of([STYLE], FILTERS, SMALL)
    assert calibrated(model, [clouds(96, 120, grain=16)]).balance < LARGEST
    assert not caplog.records
    lost = model.changed(settings=SMALL.replace(style_weight=1e9))
    assert calibrated(lost, [clouds(96, 120, grain=16)]).balance == pytest.approx(LARGEST)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_contents_are_moved_to_the_styles_colours_unless_they_keep_their_own() -> None:
    content, style = 0.3 * clouds(60, 80), 0.6 + 0.4 * clouds(50, 50, seed=1)
    model = calibrated(StyleModel.of([style], FILTERS, SMALL), [content])
    (palette,) = model.palettes.contents
    assert torch.allclose(palette(content).mean((1, 2)), style.mean((1, 2)), atol=0.02)
    assert (
        calibrated(StyleModel.of([style], FILTERS, SMALL.replace(keep_colors="free")), [content]).palettes == Palettes()
    )


@given(st.integers(1, 4000), st.integers(1, 4000))
@settings(deadline=None)
def test_probes_of_all_shapes_are_never_enlarged_and_have_the_sizes_of_the_job(height: int, width: int) -> None:
    small = _probe_size((height, width))
    assert small[0] <= height
    assert small[1] <= width
    if min(small) >= 40:
        assert 0.95 * min(PROBE_AREA, height * width) <= math.prod(small) <= 2.1 * PROBE_AREA
    if max(height, width) < 3 * min(height, width):
        assert len(scale_plan(small, Settings())) == len(scale_plan((height, width), Settings()))


def test_where_too_much_is_kept_at_the_least_balance_the_search_ends_there() -> None:
    """Nothing pulls at the shapes where style hardly counts."""
    told: list[float] = []
    model = StyleModel.of([STYLE], FILTERS, SMALL.replace(style_weight=1e-9, strength=1.0))
    found = calibrated(model, [clouds(96, 120)], lambda done, *_: told.append(done))
    assert found.balance == pytest.approx(least_balance(1.0))
    assert told[-1] < PROBES


def test_the_paintings_of_the_search_are_shown_as_they_grow() -> None:
    told: list[tuple[float, int, Tensor]] = []
    content = clouds(96, 120, grain=16)
    calibrated(StyleModel.of([STYLE], FILTERS, SMALL), [content], lambda *seen: told.append(seen))
    done, counts, paintings = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert 0 < done[0] < 0.5
    assert 1.0 in done
    assert set(counts) == {PROBES}
    assert all(float(one.min()) >= 0 and float(one.max()) <= 1 for one in paintings)
    first, last = (resize(one, size_of(content)) for one in (paintings[0], paintings[list(done).index(1.0)]))
    assert (first - content).square().mean() < (last - content).square().mean()


def test_own_colours_make_another_image_than_the_styles() -> None:
    content = clouds(60, 80)
    models = [
        calibrated(StyleModel.of([STYLE], FILTERS, SMALL.replace(keep_colors=c)), [content]) for c in ("no", "free")
    ]
    ours, own = (stylize_image(model, content).image for model in models)
    colours = content.mean((1, 2))
    assert (own.mean((1, 2)) - colours).norm() < (ours.mean((1, 2)) - colours).norm()


@pytest.mark.parametrize("changes", [{"loss": "sums"}, {"content_weight": 0.0}, {"style_weight": 0.0}])
def test_nothing_is_searched_where_there_is_nothing_to_find(changes: dict[str, object]) -> None:
    changes = {**changes, "keep_colors": "free"}
    model = StyleModel.of([stripes(96, 96)], FILTERS, SMALL.replace(**changes))
    told: list[object] = []
    assert calibrated(model, [clouds(96, 120)], lambda *seen: told.append(seen)).balance == model.balance
    assert not told
    assert search_cost(model.settings, (96, 120)) == 0


@settings(max_examples=100)
@given(st.floats(0.03, 0.3), st.floats(-5, 5), st.floats(-0.1, 0.1))
def test_the_search_comes_near_the_zero_of_a_rising_curve(slope: float, zero: float, bend: float) -> None:
    def excess(x: float) -> float:
        return math.tanh(slope * (x - zero)) + bend * slope * math.tanh(x - zero)

    tried: list[tuple[float, float]] = []
    for _ in range(PROBES):
        x = _next_guess(tried, math.log(1e-3))
        tried.append((x, excess(x)))
    assert abs(excess(_next_guess(tried, math.log(1e-3)))) <= max(0.1, 0.5 * abs(tried[0][1]))


@settings(max_examples=30)
@given(st.floats(0, 1), st.floats(0, 1))
def test_wanted_structure_falls_with_strength(a: float, b: float) -> None:
    if a < b:
        assert wanted_structure(a) > wanted_structure(b) or b - a < 1e-9
    assert 0 < wanted_structure(a) < 1
