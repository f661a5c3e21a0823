"""The segments of jobs, painted by the machines of a Ray cluster.

Each segment is a task. It reads the job from its storage and writes the segment there; the driver only says which is
next. Of the shots the longest come first; a shot's segments follow each other, on whatever machine is free. A task
whose machine died is done again, which is safe at any moment: a segment is there when it is whole. What a process needs
for a job, the network above all, it keeps until it is given a segment of another job.
"""

import contextlib
import importlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import torch

import vidstyle
from vidstyle.cluster import worker
from vidstyle.cluster.storage import storage_of
from vidstyle.cluster.worker import MANIFEST, PAINTER, JobLocation, ProgressBoard
from vidstyle.errors import JobError, SettingsError, StorageError, VidstyleError
from vidstyle.jobs.events import ClusterProgress, Listener
from vidstyle.jobs.manifest import SegmentKey, SegmentQueue
from vidstyle.jobs.segments import PlannedJob, tell_resumed
from vidstyle.jobs.spec import ClusterOptions
from vidstyle.process import quiet_threads

RETRIES = 3  # of a task whose machine or process died, or whose storage could not be reached
QUEUED = 2  # segments for each place to paint, one of them waiting there, so that no place waits for the driver
TICK = 0.5  # seconds between two looks at how far the machines are
ROLL_CALL = 5.0  # seconds between two looks at which machines there are
REACH = 5.0  # seconds that a cluster has to answer
FIRST_ANSWER = 300.0  # seconds that a machine has, which may have to read all of torch from a slow disk
ANSWER, FAREWELL = 60.0, 10.0  # seconds that a machine that has answered, and a task that is cancelled, have

PaintSegment = Callable[[JobLocation, SegmentKey, int, Any], int]

log = logging.getLogger(__name__)


class Tasks:
    """The tasks that are under way."""

    def __init__(self, cluster: "Cluster", sites: Sequence[JobLocation], how: PaintSegment) -> None:
        """For jobs that lie at `sites`; `how` paints a segment."""
        self._cluster, self._ray, self._sites, options = cluster, cluster.ray, sites, cluster.options
        self._threads = max(1, int(options.cpus))
        # A GPU's tasks would each begin with a new process but for max_calls.
        again = {"max_calls": 0, "max_retries": RETRIES, "retry_exceptions": [StorageError]}
        self._task = self._ray.remote(num_cpus=options.cpus, num_gpus=options.gpus, **again)(how)
        here = _on_node(self._ray.get_runtime_context().get_node_id(), soft=True)
        self._board = self._ray.remote(num_cpus=0)(ProgressBoard).options(**here).remote()
        self.flying: dict[Any, SegmentKey] = {}
        self._frames = 0
        self._told, self._room, self._counted = -TICK, 0, -ROLL_CALL

    @property
    def room(self) -> int:
        """How many may be under way; machines come and go."""
        now = time.monotonic()
        if now - self._counted >= ROLL_CALL:
            self._room, self._counted = QUEUED * self._cluster.places(), now
        return self._room

    def start(self, key: SegmentKey) -> None:
        """Gives a segment to the machines."""
        self.flying[self._task.remote(self._sites[key[0]], key, self._threads, self._board)] = key

    def finished(self) -> list[tuple[SegmentKey, VidstyleError | None]]:
        """The segments whose tasks ended within a TICK, with what they raised."""
        flying = list(self.flying)
        if not self._ray.wait(flying, num_returns=1, timeout=TICK)[0]:
            return []
        done, _ = self._ray.wait(flying, num_returns=len(flying), timeout=0)
        return [(self.flying.pop(task), self._outcome(task)) for task in done]

    def _outcome(self, task: Any) -> VidstyleError | None:
        """Counts the frames of a finished task; what it raised instead."""
        try:
            self._frames += self._ray.get(task)
        except Exception as error:
            cause = _cause(error)
            return cause if isinstance(cause, VidstyleError) else JobError("VS501", reason=_reason(error))
        return None

    def progress(self) -> ClusterProgress | None:
        """How far all of them are, once a TICK and at the end."""
        now = time.monotonic()
        if self.flying and now - self._told < TICK:
            return None
        self._told = now
        try:
            news = self._ray.get(self._board.news.remote(list(self.flying.values())), timeout=ANSWER)
        except Exception as error:  # it only tells
            log.debug("no news: %s", _reason(error))
            news = {}
        losses = [loss for _, loss in news.values()]
        frames = self._frames + sum(frames for frames, _ in news.values())
        return ClusterProgress(frames, len(news), fmean(losses) if losses else None)

    def cancel(self) -> None:
        """Stops all and waits for their end, but not for ever."""
        with contextlib.suppress(Exception):
            for task in self.flying:
                self._ray.cancel(task)
            self._ray.wait(list(self.flying), num_returns=max(1, len(self.flying)), timeout=FAREWELL)


class Cluster:
    """A connection to Ray, made by `connected`."""

    def __init__(self, options: ClusterOptions, ray: Any) -> None:
        self.options, self.ray = options, ray
        self._sites: dict[str, JobLocation] = {}

    def places(self) -> int:
        """How many segments can be painted at a time. JobError where no machine has what one needs."""
        nodes = self._nodes()
        count = sum(map(self._places_at, nodes))
        if not count:
            found = "; ".join(f"{node['NodeManagerAddress']} has {_resources(node)}" for node in nodes)
            raise JobError("VS502", cpus=self.options.cpus, gpus=self.options.gpus, found=found)
        return count

    def _nodes(self) -> list[Mapping[str, Any]]:
        return [node for node in self.ray.nodes() if node["Alive"]]

    def _places_at(self, node: Mapping[str, Any]) -> int:
        has, options = node["Resources"], self.options
        places = int(has.get("CPU", 0) / options.cpus)
        return min(places, int(has.get("GPU", 0) / options.gpus)) if options.gpus else places

    def paint(
        self, works: Sequence[PlannedJob], listener: Listener, how: PaintSegment = worker.paint_segment
    ) -> dict[int, VidstyleError]:
        """Paints what is not done of jobs. By Ctrl-C all tasks are cancelled.

        Args:
            works: the jobs.
            listener: is told how far the machines are.
            how: what a task does.

        Returns:
            What a task raised, by the number of its job in `works`; such a job's other segments are left.
        """
        sites = [self._made_known(work) for work in works]
        storages = [storage_of(work.job) for work in works]
        done = [work.done for work in works]
        tell_resumed(done, works[0].folder, listener)
        queue = SegmentQueue([(work.segments, before) for work, before in zip(works, done, strict=True)])
        tasks, failed = Tasks(self, sites, how), dict[int, VidstyleError]()
        try:
            while queue or tasks.flying:
                while queue and len(tasks.flying) < tasks.room:
                    tasks.start(queue.take())
                for (job, index), error in tasks.finished():
                    if error:
                        failed.setdefault(job, error)
                        queue.drop(job)
                    elif job not in failed:
                        storages[job].bring(*works[job].folder.names_of(works[job].segments[index]))
                        queue.painted((job, index))
                if progress := tasks.progress():
                    listener.together(progress)
        except BaseException:
            tasks.cancel()
            raise
        return failed

    def leave(self, work: PlannedJob) -> None:
        """Removes what storage and machines hold of a job that is joined, as far as it can be reached."""
        if work.job.keep_work:
            return
        try:
            storage_of(work.job).remove()
            site = self._sites[str(work.folder.path)]
            self.ray.get([self._at(node, worker.tidy).remote(site) for node in self._nodes()], timeout=ANSWER)
        except Exception as error:  # the video stands
            log.warning(
                "some files of the job could not be removed from the cluster or its storage: %s", _reason(error)
            )

    def _made_known(self, work: PlannedJob) -> JobLocation:
        """Brings a job to its storage and what is done of it from there; checks that all machines find it."""
        site, storage = JobLocation.of(work), storage_of(work.job)
        storage.offer(work.job.files, MANIFEST, PAINTER)
        for name, wanted in ((MANIFEST, site.manifest), (PAINTER, site.model)):
            self._check(site.place, name, wanted)
        there = storage.names("segments")
        for segment in work.segments:
            names = work.folder.names_of(segment)
            if work.folder.film(segment).name in there:
                storage.bring(*names)
            elif work.folder.is_done(segment):
                storage.keep(*names)
        self._sites[str(work.folder.path)] = site
        return site

    def _check(self, place: str, name: str, wanted: str) -> None:
        """JobError unless every machine that may paint runs this vidstyle and finds the same file in the storage."""
        painting = [node for node in self._nodes() if self._places_at(node)]
        answers = [self._at(node, worker.look).remote(place, name) for node in painting]
        for node, answer in zip(painting, answers, strict=True):
            address = node["NodeManagerAddress"]
            try:
                version, torchs, found = self.ray.get(answer, timeout=FIRST_ANSWER)
            except self.ray.exceptions.TaskUnschedulableError:
                log.warning("%s left the cluster", address)
                continue
            except Exception as error:
                raise JobError("VS507", address=address, reason=_reason(error)) from error
            if version != vidstyle.__version__:
                raise JobError("VS503", address=address, version=version, expected=vidstyle.__version__)
            if torchs != torch.__version__:
                log.warning(
                    "%s has torch %s, not %s: pixels may differ in their last bits", address, torchs, torch.__version__
                )
            if found != wanted:
                raise JobError("VS504", address=address, name=name, place=place)

    def _at(self, node: Mapping[str, Any], function: Callable[..., Any]) -> Any:
        """`function` as a task for one machine."""
        return self.ray.remote(num_cpus=0, max_retries=0)(function).options(**_on_node(node["NodeID"], soft=False))


@contextlib.contextmanager
def connected(options: ClusterOptions) -> Iterator[Cluster]:
    """A connection to a cluster, which ends with the ``with``, and all tasks with it.

    Raises:
        SettingsError: where Ray is not installed.
        JobError: in seconds, where no cluster answers, or no machine has what a task needs.
    """
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise SettingsError("VS206") from error
    address = options.address or os.environ.get("RAY_ADDRESS") or "local"
    _check_address(address)
    with _signals_kept():
        try:
            quiet = {"env_vars": quiet_threads(os.environ)}
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, runtime_env=quiet)
        except Exception as error:  # Ray has many kinds
            raise JobError("VS506", reason=_reason(error)) from error
    try:
        cluster = Cluster(options, ray)
        cluster.places()
        yield cluster
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Ray itself waits for minutes for a machine that is not there."""
    host, _, port = address.partition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host, int(port)), REACH).close()
        except OSError as error:
            raise JobError("VS505", address=address, error=error) from error


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray puts its own handler of SIGTERM in place of the program's."""
    in_main = threading.current_thread() is threading.main_thread()  # others may not
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before)


def _on_node(node: str, *, soft: bool) -> dict[str, Any]:
    """Options of a task or actor for one machine; `soft`: another may do."""
    strategies = importlib.import_module("ray.util.scheduling_strategies")
    return {"scheduling_strategy": strategies.NodeAffinitySchedulingStrategy(node, soft=soft)}


def _cause(error: Exception) -> Any:
    """What a task raised, without Ray's wrapping."""
    return getattr(error, "cause", error)


def _reason(error: Exception) -> str:
    """What a task raised, in one line."""
    cause = _cause(error)
    text = next(iter(str(cause).strip().splitlines()), "")
    return text if isinstance(cause, VidstyleError) else f"{type(cause).__name__}: {text}".rstrip(": ")


def _resources(node: Mapping[str, Any]) -> str:
    return f"{node['Resources'].get('CPU', 0):g} CPUs and {node['Resources'].get('GPU', 0):g} GPUs"
