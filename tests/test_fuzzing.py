"""Some cases of each target of `tests/fuzzing.py`; ``benchmarks/fuzz.py`` runs many more."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzzing import TARGETS, Target, limited
from tests.media import WRONG, judged
from tests.media_films import KINDS

CASES = 900  # in all


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_any_case_ends_in_time_and_in_words(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(
        max_examples=round(CASES * target.share),
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(target.strategy)
    def run(case: object) -> None:
        with limited():
            target.run(case)

    run()


@pytest.mark.parametrize(
    ("kind", "count"), [("images", 18), ("animations", 6), ("films", 3), ("sound", 1), ("outputs", 2)]
)
def test_media_are_what_independent_readers_find(kind: str, count: int) -> None:
    """A few of the files of ``benchmarks/media.py``."""
    outcomes = [judged(kind, seed, KINDS[kind]) for seed in range(count)]
    assert [one for one in outcomes if one.verdict == WRONG] == []
