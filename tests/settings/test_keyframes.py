"""Values that change over a film."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from vidstyle.settings.keyframes import Key, between, parse_number_keys, parse_shares, parse_style_keys


def test_style_keys_are_shares_of_styles_at_moments() -> None:
    keys = parse_style_keys("0s=A, 4s=B, 1:08=0.5A+0.5B")
    assert keys == (Key(0, (1.0, 0.0)), Key(4, (0.0, 1.0)), Key(68, (0.5, 0.5)))


def test_values_lie_on_the_line_between_keys() -> None:
    keys = parse_style_keys("1=A,3=B")
    assert [between(keys, s) for s in (0, 1, 2, 3, 9)] == [(1, 0), (1, 0), (0.5, 0.5), (0, 1), (0, 1)]


def test_shares_sum_to_one() -> None:
    assert parse_style_keys("0=3A+C")[0].values == (0.75, 0, 0.25)


def test_the_source_is_what_the_shares_of_the_styles_leave() -> None:
    keys = parse_style_keys("0s=source, 2s=A, 4s=0.5B+0.5source")
    assert [key.values for key in keys] == [(0, 0), (1, 0), (0, 0.5)]
    with refused("VS225"):
        parse_style_keys("0s=source, 2s=source")
    assert parse_shares("7, 3") == (0.7, 0.3)
    assert parse_number_keys("0=0.2,4=1") == (Key(0, (0.2,)), Key(4, (1.0,)))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("4s=A, 0s=B", "VS228"),
        ("0s=A, 0s=B", "VS228"),
        ("A", "VS232"),
        ("soon=A", "VS232"),
        ("0=AB", "VS231"),
        ("0=0A", "VS229"),
        ("0=-1A", "VS231"),
        (", ", "VS227"),
    ],
)
def test_style_keys_that_cannot_be(text: str, code: str) -> None:
    with refused(code):
        parse_style_keys(text)


@pytest.mark.parametrize("text", ["0=2", "0=nan", "0=A", "0=-0.1"])
def test_strengths_that_cannot_be(text: str) -> None:
    with refused("VS230"):
        parse_number_keys(text)


@pytest.mark.parametrize("text", ["", "a,b", "0,0", "1,-1", "inf,1"])
def test_blends_that_cannot_be(text: str) -> None:
    with refused("VS226"):
        parse_shares(text)


@given(st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, 100)), min_size=1, unique_by=lambda pair: pair[0]))
def test_all_values_lie_between_the_keys(pairs: list[tuple[int, int]]) -> None:
    pairs.sort()
    keys = parse_number_keys(",".join(f"{moment}={value / 100}" for moment, value in pairs))
    values = [key.values[0] for key in keys]
    for moment in (0, pairs[0][0], pairs[-1][0] / 2, pairs[-1][0], 10**6):
        assert min(values) <= between(keys, moment)[0] <= max(values)
