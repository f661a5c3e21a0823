"""Some cases of each target of `tests/fuzzing.py`; ``benchmarks/fuzz.py`` runs many more."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzzing import TARGETS, Target, limited

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
