"""Makes media files of every kind at random and checks what is read of each against independent readers.

    python benchmarks/media.py [--files 2000] [--seed 0] [--only films] [--json media.json] [--folder DIR]

A file is right, or told by one true line (an error with a code, a warning), or wrong; then the exit code is 1. With
--folder, the files in a folder are checked the same way. The kinds are those of tests/media_images.py,
tests/media_animations.py and tests/media_films.py; a file is made again by its kind and seed: --only KIND --seed N
--files 1.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.media import RIGHT, TOLD, WRONG, Outcome, judged  # noqa: E402 (the tests' files)
from tests.media_films import KINDS, given  # noqa: E402

SHARES = {"images": 0.6, "animations": 0.125, "films": 0.175, "sound": 0.06, "outputs": 0.04}


def one(case: tuple[str, int]) -> Outcome:
    """A file of a kind, by its seed."""
    torch.set_num_threads(1)
    kind, seed = case
    return judged(kind, seed, KINDS[kind])


def one_given(path: Path) -> Outcome:
    """A file that is there."""
    torch.set_num_threads(1)
    return judged(f"given {path.name}", 0, lambda trial: given(trial, path))


def cases(files: int, seed: int, only: str) -> list[tuple[str, int]]:
    """What is made: of each kind its share."""
    kinds = {kind: share for kind, share in SHARES.items() if only in kind}
    whole = sum(kinds.values())
    return [(kind, seed + n) for kind, share in kinds.items() for n in range(max(1, round(files * share / whole)))]


def told(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes, of which the wrong ones are printed as they come."""
    found = []
    for outcome in outcomes:
        found.append(outcome)
        if outcome.verdict == WRONG:
            print(f"wrong: {outcome.kind} seed {outcome.seed}: {outcome.what}: {outcome.reason}", flush=True)
    return found


def table(outcomes: list[Outcome]) -> str:
    """Files by kind and verdict, and the codes that were told."""
    counts = Counter((outcome.kind.split()[0], outcome.verdict) for outcome in outcomes)
    kinds = list(dict.fromkeys(kind for kind, _ in counts))
    rows = [f"{'kind':<12}{'files':>7}{'right':>7}{'told':>7}{'wrong':>7}"]
    for kind in (*kinds, "all"):
        found = [counts[kind, v] if kind != "all" else sum(counts[k, v] for k in kinds) for v in (RIGHT, TOLD, WRONG)]
        rows.append(f"{kind:<12}{sum(found):>7}" + "".join(f"{number:>7}" for number in found))
    codes = Counter(f"{one.kind.split()[0]} {one.reason[:5]}" for one in outcomes if one.verdict == TOLD)
    readers = Counter(one.reader for one in outcomes if one.reader)
    return "\n".join([*rows, f"told: {dict(codes)}", f"readers: {dict(readers)}"])


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path)
    words = parser.parse_args()
    with ProcessPoolExecutor(2) as pool:
        if words.folder:
            outcomes = told(pool.map(one_given, sorted(filter(Path.is_file, words.folder.iterdir()))))
        else:
            outcomes = told(pool.map(one, cases(words.files, words.seed, words.only), chunksize=4))
    print(table(outcomes))
    if words.json:
        words.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n")
    return int(any(outcome.verdict == WRONG for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
