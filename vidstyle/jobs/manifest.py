"""What the job of a video paints: all that its pixels depend on, and the segments that it is painted in."""

import hashlib
import heapq
import itertools
import json
import math
import platform
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

import vidstyle
from vidstyle.core.exposure import Scenes
from vidstyle.core.sizes import Size
from vidstyle.files import from_json, sha256_of
from vidstyle.jobs import chunks
from vidstyle.jobs.chunks import chunks_of, divided
from vidstyle.jobs.events import Listener
from vidstyle.jobs.prescan import device_of
from vidstyle.jobs.spec import JobSpec
from vidstyle.video.sequence import find_sequence

SCHEMA = 3
MOST_FRAMES, FEWEST_FRAMES = 24, 8  # of a segment, but for the shots that are shorter
PIXELS = 1.2e7  # painted in a segment: the larger the images, the longer they take, and the fewer may be lost


@dataclass(frozen=True)
class Manifest:
    """What a job paints.

    Args:
        job: what was asked for, as `JobSpec.to_dict` has it.
        key: all that changes pixels, by the name that it is told by.
        size: (height, width) of the painting.
        frames: how many are painted.
        scenes: the shots and exposures of these.
        marks: by position, the marks of the frames that segments begin with (`video.reader`).
        rewritten: frames are read from a rewritten form of the source.
        machine: what the last bits of the pixels depend on beside.
    """

    job: Mapping[str, Any]
    key: Mapping[str, str]
    size: Size
    frames: int
    scenes: Scenes
    marks: Mapping[int, str]
    rewritten: bool
    machine: Mapping[str, str]

    def to_json(self) -> str:
        """The text that `of_json` reads."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def of_json(cls, text: str) -> "Manifest":
        """ValueError, KeyError or TypeError for what is no manifest."""
        found = from_json(text)
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema {found['schema']!r}")
        height, width = (int(side) for side in found["size"])
        frames = int(found["frames"])
        scenes = Scenes.of_json(found["scenes"], frames, (height, width))
        if min(height, width, frames) < 1:
            raise ValueError("sizes that cannot be")
        key, machine = ({str(k): str(v) for k, v in found[name].items()} for name in ("key", "machine"))
        marks = {int(position): str(mark) for position, mark in found["marks"].items()}
        return cls(dict(found["job"]), key, (height, width), frames, scenes, marks, bool(found["rewritten"]), machine)


def key_of(job: JobSpec, listener: Listener) -> dict[str, str]:
    """All that changes the pixels of a job, by the name that it is told by."""
    return {**settings_key(job, listener), "the source": digest(job.source, listener)}


def settings_key(job: JobSpec, listener: Listener) -> dict[str, str]:
    """The same without the source."""
    values = {name: str(value) for name, value in asdict(job.settings).items()}
    files = {f"style image {i}": path for i, path in enumerate(job.styles, 1)}
    files |= {f"the mask of style {i}": path for i, path in enumerate(job.style_masks, 1)}
    files |= {"--mask": job.mask} if job.mask else {}
    for name, file in (
        ("init", job.settings.init_file),
        ("weights", job.settings.weights_file),
        ("lut", job.settings.lut_file),
    ):
        if file:  # wherever it lies
            values[name] = "a file"
            files[f"the file of --{name}"] = file
    return {
        **{f"--{name.replace('_', '-')}": value for name, value in values.items()},
        "--from": f"{job.start:g}",
        "--to": "the end" if job.end is None else f"{job.end:g}",
        **({"--fps": str(job.rate)} if job.kind == "sequence" else {}),
        "--device": device_of(job).type,
        **{name: digest(path, listener) for name, path in files.items()},
        "vidstyle": vidstyle.__version__,
    }


def digest(path: Path, listener: Listener) -> str:
    """The SHA-256 of a file, or of those of all images of a sequence, as keys have it."""
    if not path.is_file():
        _, images = find_sequence(path)
        found = hashlib.sha256()
        for done, image in enumerate(images.values(), 1):
            found.update(f"{image.name} {sha256_of(image)}\n".encode("utf-8", "surrogateescape"))
            listener.working(f"reading {path.name}", done, len(images))
        return f"SHA-256 {found.hexdigest()[:16]}"
    return "SHA-256 " + sha256_of(path, lambda done: listener.working(f"reading {path.name}", done, 1.0))[:16]


def this_machine() -> dict[str, str]:
    """What the last bits of the pixels depend on, beside the key."""
    return {"torch": torch.__version__, "threads": str(torch.get_num_threads()), "processor": platform.machine()}


def difference_between(before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """The first name whose value is not the same in two keys, with both values; None where all agree."""
    for name in {**before, **now}:
        was, is_now = before.get(name, "nothing"), now.get(name, "nothing")
        if was != is_now:
            return f"{name} was {was} and is {is_now}"
    return None


@dataclass(frozen=True)
class Segment:
    """Consecutive frames of one shot.

    Args:
        index: its number among the segments of the video.
        shot: the number of its shot.
        start: position of its first frame among those that are painted.
        stop: position after its last.
        needs: the index of the segment from whose end it continues; None where it begins for itself.
        leaves: whether another segment continues from its end.
        ends_film: whether the video ends with it.
        meets: the index of the lead that it goes over to, frame by frame; None for most.
        leads: whether it is a lead: it begins a chunk of a shot, and its frames are shown only as another segment,
            which meets it, shows them.
    """

    index: int
    shot: int
    start: int
    stop: int
    needs: int | None
    leaves: bool
    ends_film: bool
    meets: int | None = None
    leads: bool = False

    def __len__(self) -> int:
        return self.stop - self.start


def segments_of(
    frames: int, cuts: Sequence[int], size: Size, *, both_ways: bool, loop: bool, chunk_frames: int = 0
) -> tuple[Segment, ...]:
    """The segments of a video. They depend on nothing else, so that every run of a job has the same.

    Args:
        frames: how many the video has.
        cuts: positions of the frames that open its shots, but for the first.
        size: (height, width) of its frames.
        both_ways: each shot is painted in two passes, and so is one segment.
        loop: the video's end is to meet its start, and so the last segment needs the first.
        chunk_frames: how many frames the chunks of a shot have at least; 0 for shots that are one chunk.
    """
    found: list[Segment] = []
    for shot, (first, stop) in enumerate(itertools.pairwise([0, *cuts, frames])):
        if both_ways:
            needs = 0 if loop and shot and shot == len(cuts) else None
            found.append(Segment(len(found), shot, first, stop, needs, leaves=False, ends_film=False))
        else:
            found += _in_chunks(shot, chunks_of(first, stop, chunk_frames), size, len(found))
    needed = {segment.needs for segment in found}
    return tuple(replace(one, leaves=one.index in needed, ends_film=one.stop == frames) for one in found)


def _in_chunks(shot: int, bounds: Sequence[tuple[int, int]], size: Size, index: int) -> Iterator[Segment]:
    """The segments of a shot, from the number `index` on: each continues from the one before it in its chunk.

    The `OVERLAP` frames before a chunk are its lead, and the last of the chunk before, which meets the lead.
    """
    most = min(MOST_FRAMES, max(FEWEST_FRAMES, round(PIXELS / (size[0] * size[1]))))
    needs: int | None = None
    for start, stop in bounds:
        alone = stop if stop == bounds[-1][1] else stop - chunks.OVERLAP
        for part in divided(start, alone, math.ceil((alone - start) / most)):
            yield Segment(index, shot, *part, needs, leaves=False, ends_film=False)
            needs, index = index, index + 1
        if alone < stop:
            yield Segment(index, shot, alone, stop, None, leaves=False, ends_film=False, leads=True)
            yield Segment(index + 1, shot, alone, stop, needs, leaves=False, ends_film=False, meets=index)
            needs, index = index, index + 2


SegmentKey = tuple[int, int]  # a job's number and a segment's index


class SegmentQueue:
    """Segments that can be painted now: job after job, of the shot with most frames left first."""

    def __init__(self, jobs: Sequence[tuple[Sequence[Segment], Collection[Segment]]]) -> None:
        """`jobs` are the segments of each job, and those of them that are done."""
        self._ready: list[tuple[int, int, int]] = []  # the job, less the frames left of the shot, the segment
        self._waiting: list[tuple[tuple[int, int, int], set[SegmentKey]]] = []  # with the segments that one needs
        for job, (segments, done) in enumerate(jobs):
            finished = {segment.index for segment in done}
            todo = [segment for segment in segments if segment.index not in finished]
            left = Counter[int]()
            for segment in todo:
                left[segment.shot] += len(segment)
            for segment in todo:
                entry = job, -left[segment.shot], segment.index
                needed = {segment.needs, segment.meets} - {None} - finished
                self._waiting.append((entry, {(job, need) for need in needed if need is not None}))
        self._wake()

    def __len__(self) -> int:
        return len(self._ready)

    def take(self) -> SegmentKey:
        """The next; it is no longer in the queue."""
        job, _, index = heapq.heappop(self._ready)
        return job, index

    def painted(self, key: SegmentKey) -> None:
        """A segment is done, and those that wait for no other can be painted."""
        for _, awaited in self._waiting:
            awaited.discard(key)
        self._wake()

    def _wake(self) -> None:
        for entry, awaited in self._waiting:
            if not awaited:
                heapq.heappush(self._ready, entry)
        self._waiting = [one for one in self._waiting if one[1]]

    def drop(self, job: int) -> None:
        """No more of a job is to be painted."""
        self._ready = [entry for entry in self._ready if entry[0] != job]
        heapq.heapify(self._ready)
        self._waiting = [one for one in self._waiting if one[0][0] != job]
