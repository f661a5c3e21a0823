"""Fuzzes every way in: syntax, settings, words, jobs, filters, images, films, and films through the whole command.

    python benchmarks/fuzz.py [--cases 10000] [--seed 0] [--only films] [--json fuzz.json]

A case that ends in a traceback, in what is told as a fault of vidstyle, past its time limit (60 s), or that leaves a
file behind ends the run with the smallest case that does so. The cases are those of tests/fuzzing.py.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.fuzzing import LIMIT, TARGETS, Target, limited  # noqa: E402 (the tests' targets)


def fuzzed(target: Target, count: int, number: int) -> dict[str, Any]:
    """Runs `count` cases; how long they took."""
    seconds: list[float] = []

    @seed(number)
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(target.strategy)
    def run(case: object) -> None:
        began = time.perf_counter()
        with limited():
            target.run(case)
        seconds.append(time.perf_counter() - began)

    run()
    return {"cases": len(seconds), "seconds": sum(seconds), "slowest": max(seconds)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    words = parser.parse_args()
    report: dict[str, Any] = {}
    for name, target in TARGETS.items():
        if words.only in name:
            report[name] = found = fuzzed(target, round(1.02 * words.cases * target.share), words.seed)
            print(f"{name:<14} {found['cases']:6} cases {found['seconds']:7.1f} s, slowest {found['slowest']:.2f} s",
                  flush=True)  # fmt: skip
    count = sum(found["cases"] for found in report.values())
    print(f"{count} cases, none past {LIMIT:g} s, no traceback")
    if words.json:
        words.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
