"""The tasks of a cluster that paint segments: which comes next, how far they are, and what they raised."""

import contextlib
import heapq
import importlib
import logging
import time
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from vidstyle.errors import JobError, StorageError, VidstyleError
from vidstyle.jobs.job import ClusterOptions
from vidstyle.jobs.listener import ClusterProgress
from vidstyle.jobs.segments import Segment
from vidstyle.jobs.underway import PlannedJob
from vidstyle.jobs.worker import JobLocation, ProgressBoard

RETRIES = 3  # of a task whose machine or process died, or whose storage could not be reached
QUEUED = 2  # segments for each place to paint, one of them waiting there, so that no place waits for the driver
TICK = 0.5  # seconds between two looks at how far the machines are
ROLL_CALL = 5.0  # seconds between two looks at which machines there are
FIRST_ANSWER = 300.0  # seconds that a machine has, which may have to read all of torch from a slow disk
ANSWER, FAREWELL = 60.0, 10.0  # seconds that a machine that has answered, and a task that is cancelled, have

Key = tuple[int, int]  # a job's number and a segment's index
PaintSegment = Callable[[JobLocation, Key, int, Any], int]

log = logging.getLogger(__name__)


class Run:
    """The tasks that are under way."""

    def __init__(
        self,
        ray: Any,
        cluster_options: ClusterOptions,
        places: Callable[[], int],
        sites: Sequence[JobLocation],
        how: PaintSegment,
    ) -> None:
        """`places` tells how many segments can be painted at a time."""
        self._ray, self._places, self._sites = ray, places, sites
        self._threads = max(1, int(cluster_options.cpus))
        # A GPU's tasks would each begin with a new process but for max_calls.
        self._task = ray.remote(
            num_cpus=cluster_options.cpus,
            num_gpus=cluster_options.gpus,
            max_calls=0,
            max_retries=RETRIES,
            retry_exceptions=[StorageError],
        )(how)
        here = on_node(ray.get_runtime_context().get_node_id(), soft=True)
        self._board = ray.remote(num_cpus=0)(ProgressBoard).options(**here).remote()
        self.flying: dict[Any, Key] = {}
        self._frames = 0
        self._finished: list[Key] = []  # that the board does not know of yet
        self._told = -TICK
        self._room, self._counted = 0, -ROLL_CALL

    @property
    def room(self) -> int:
        """How many tasks may be under way; machines come and go."""
        now = time.monotonic()
        if now - self._counted >= ROLL_CALL:
            self._room, self._counted = QUEUED * self._places(), now
        return self._room

    def start(self, key: Key) -> None:
        self.flying[self._task.remote(self._sites[key[0]], key, self._threads, self._board)] = key

    def finished(self) -> list[tuple[Key, VidstyleError | None]]:
        """The segments whose tasks ended within a TICK, with what they raised."""
        flying = list(self.flying)
        first, _ = self._ray.wait(flying, num_returns=1, timeout=TICK)
        if not first:
            return []
        done, _ = self._ray.wait(flying, num_returns=len(flying), timeout=0)
        keys = [self.flying.pop(task) for task in done]
        self._finished += keys
        return [(key, self._outcome(task)) for key, task in zip(keys, done, strict=True)]

    def _outcome(self, task: Any) -> VidstyleError | None:
        """Counts the frames of a finished task; what it raised instead."""
        try:
            self._frames += self._ray.get(task)
        except Exception as error:
            return told(error)
        return None

    def cluster_progress(self) -> ClusterProgress | None:
        """How far all of them are, once a TICK and at the end."""
        now = time.monotonic()
        if self.flying and now - self._told < TICK:
            return None
        self._told = now
        self._board.forget.remote(self._finished)
        self._finished = []
        try:
            news = self._ray.get(self._board.news.remote(), timeout=ANSWER)
        except Exception as error:  # it only tells
            log.debug("no news: %s", reason(error))
            news = {}
        losses = [loss for _, loss in news.values()]
        return ClusterProgress(
            self._frames + sum(frames for frames, _ in news.values()), len(news), fmean(losses) if losses else None
        )

    def cancel(self) -> None:
        """Stops all tasks and waits for their end, but not for ever."""
        with contextlib.suppress(Exception):
            for task in self.flying:
                self._ray.cancel(task)
            self._ray.wait(list(self.flying), num_returns=max(1, len(self.flying)), timeout=FAREWELL)


class Queue:
    """Segments that can be painted now: job after job, of the shot with most frames left first."""

    def __init__(self, works: Sequence[PlannedJob], done: Sequence[Sequence[Segment]]) -> None:
        self._followers = [{s.needs: s for s in work.segments if s.needs is not None} for work in works]
        self._left: list[dict[int, int]] = [{} for _ in works]  # frames of each shot
        self._ready: list[tuple[int, int, int]] = []
        for job, (work, before) in enumerate(zip(works, done, strict=True)):
            finished = {segment.index for segment in before}
            todo = [segment for segment in work.segments if segment.index not in finished]
            for segment in todo:
                self._left[job][segment.shot] = self._left[job].get(segment.shot, 0) + len(segment)
            for segment in todo:
                if segment.needs is None or segment.needs in finished:
                    self._put(job, segment)

    def __len__(self) -> int:
        return len(self._ready)

    def take(self) -> Key:
        job, _, index = heapq.heappop(self._ready)
        return job, index

    def after(self, job: int, index: int) -> None:
        """A segment is done."""
        if follower := self._followers[job].get(index):
            self._put(job, follower)

    def drop(self, job: int) -> None:
        """No more of a job is to be painted."""
        self._ready = [entry for entry in self._ready if entry[0] != job]
        heapq.heapify(self._ready)

    def _put(self, job: int, segment: Segment) -> None:
        heapq.heappush(self._ready, (job, -self._left[job][segment.shot], segment.index))


def on_node(node: str, *, soft: bool) -> dict[str, Any]:
    """Options of a task or actor for one machine; `soft`: another may do."""
    strategies = importlib.import_module("ray.util.scheduling_strategies")
    return {"scheduling_strategy": strategies.NodeAffinitySchedulingStrategy(node, soft=soft)}


def told(error: Exception) -> VidstyleError:
    """What a task raised, without Ray's wrapping."""
    cause = getattr(error, "cause", error)
    return cause if isinstance(cause, VidstyleError) else JobError(f"--ray: a task failed: {reason(error)}")


def reason(error: Exception) -> str:
    """An error of Ray in one line; the task's own where there is one."""
    cause = getattr(error, "cause", error)
    lines = str(cause).strip().splitlines()
    text = lines[0] if lines else ""
    return text if isinstance(cause, VidstyleError) else f"{type(cause).__name__}: {text}".rstrip(": ")
