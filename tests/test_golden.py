"""Paintings have the pixels that golden.json knows."""

import json

import numpy as np
import pytest

from tests.golden import FILE, PAINTINGS, facts, machine, painted

TOLERANCE = 6.0  # levels, mean of the coarse means, where the processor or torch is another

KNOWN = json.loads(FILE.read_text())


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    return {name: facts(frames) for name, frames in painted(tmp_path_factory.mktemp("golden")).items()}


@pytest.mark.parametrize("name", [*PAINTINGS, "live"])
def test_paintings_are_what_they_were(name: str, found: dict[str, dict[str, object]]) -> None:
    """By every bit on the kind of machine that the file was made on, else by coarse means."""
    known = KNOWN["paintings"][name]
    means = np.array(found[name]["means"]), np.array(known["means"])
    assert means[0].shape == means[1].shape
    assert np.abs(means[0] - means[1]).mean() < TOLERANCE
    if machine() == KNOWN["machine"]:
        assert found[name]["sha256"] == known["sha256"]


def test_every_painting_is_another(found: dict[str, dict[str, object]]) -> None:
    assert len({str(one["sha256"]) for one in found.values()}) == len(found) == len(KNOWN["paintings"])
