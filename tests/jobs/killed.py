"""Runs one small job again and again in children that are killed; told by lines on standard input.

    python -m tests.jobs.killed SOURCE STYLE WEIGHTS

Each line ``OUT PASSES HOW`` starts the job of OUT in a forked child and answers its exit status. HOW is ``-`` for a run
to the end, ``0.25`` for a kill after so many seconds, ``w7`` for one just before the seventh write, ``w7+`` just after,
``f4096`` for no file larger than that, ``k`` for a work folder that is kept.
Forking saves the seconds that every start of Python and its libraries takes.
"""

import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

import cv2
import torch

from vidstyle import files
from vidstyle.api import stylize
from vidstyle.errors import VidstyleError
from vidstyle.jobs import manifest
from vidstyle.jobs import runner as film  # noqa: F401 (imported before the fork)
from vidstyle.settings.settings import Settings

torch.set_num_threads(1)  # threads do not outlive a fork
cv2.setNumThreads(1)
manifest.MOST_FRAMES, manifest.FEWEST_FRAMES = 3, 1


def job(source: Path, style: Path, weights: Path, out: Path, passes: int, keep_work: bool) -> None:
    settings = Settings(
        style_layers="conv1_1",
        content_layers="conv1_1",
        steps=2,
        frame_steps=1,
        scales=1,
        loss="sums",
        passes=passes,
        weights=str(weights),
    )
    stylize(source, [style], out, settings, device="cpu", keep_work=keep_work)


def kill_at_write(number: int, after: bool) -> None:
    """Kills this process before or after its write `number`; a write is a name given to a whole file."""
    place, count = files.os.replace, 0

    def replace(part: Path, target: Path) -> None:
        nonlocal count
        count += 1
        if count == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        place(part, target)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    files.os.replace = replace  # type: ignore[assignment]


def child(source: Path, style: Path, weights: Path, out: Path, passes: int, how: str) -> NoReturn:
    if how.startswith("w"):
        kill_at_write(int(how.strip("w+")), how.endswith("+"))
    if how.startswith("f"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(how[1:]), resource.RLIM_INFINITY))
    try:
        job(source, style, weights, out, passes, how == "k")
    except VidstyleError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(error.line, file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def main() -> None:
    source, style, weights = map(Path, sys.argv[1:])
    for line in sys.stdin:
        out, passes, how = line.split()
        pid = os.fork()
        if not pid:
            child(source, style, weights, Path(out), int(passes), how)
        if how[0] not in "-wfk":
            time.sleep(float(how))
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
