"""The segments of jobs, painted by the machines of a Ray cluster.

Each segment is a task. It reads the job from its storage and writes the segment there; the driver only says which is
next. Of the shots the longest come first; a shot's segments follow each other, on whatever machine is free. A task
whose machine died is done again, which is safe at any moment: a segment is there when it is whole. What a process needs
for a job, the network above all, it keeps until it is given a segment of another job.
"""

import contextlib
import heapq
import importlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from statistics import fmean
from types import TracebackType
from typing import Any, Self

import torch

import vidstyle
from vidstyle.cluster import worker
from vidstyle.cluster.storage import Storage, storage_at
from vidstyle.cluster.worker import MANIFEST, PAINTER, JobLocation, ProgressBoard
from vidstyle.errors import JobError, SettingsError, StorageError, VidstyleError
from vidstyle.files import sha256_of
from vidstyle.jobs.checkpoint import folder_of
from vidstyle.jobs.events import ClusterProgress, Listener
from vidstyle.jobs.runner import PlannedJob
from vidstyle.jobs.segments import Segment
from vidstyle.jobs.setup import device_of
from vidstyle.jobs.spec import ClusterOptions, Job

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
    return cause if isinstance(cause, VidstyleError) else JobError("VS501", reason=reason(error))


def reason(error: Exception) -> str:
    """An error of Ray in one line; the task's own where there is one."""
    cause = getattr(error, "cause", error)
    lines = str(cause).strip().splitlines()
    text = lines[0] if lines else ""
    return text if isinstance(cause, VidstyleError) else f"{type(cause).__name__}: {text}".rstrip(": ")


REACH = 5.0  # seconds that a cluster has to answer


class Cluster:
    """A connection to Ray; leaving the ``with`` ends it, and all tasks with it."""

    def __init__(self, cluster_options: ClusterOptions) -> None:
        """SettingsError or JobError, in seconds, where there is no Ray or no machine that has what a task needs."""
        self.cluster_options, self.ray = cluster_options, _ray()
        self._sites: dict[str, JobLocation] = {}
        address = cluster_options.address or os.environ.get("RAY_ADDRESS") or "local"
        _check_address(address)
        with _signals_kept():
            try:
                self.ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
            except Exception as error:  # Ray has many kinds
                raise JobError("VS506", reason=reason(error)) from error
        try:
            self.places()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def places(self) -> int:
        """How many segments can be painted at a time. JobError where no machine has what one needs."""
        nodes = self._nodes()
        count = sum(map(self._places_at, nodes))
        if not count:
            options = self.cluster_options
            found = "; ".join(f"{node['NodeManagerAddress']} has {_resources(node)}" for node in nodes)
            raise JobError("VS502", cpus=options.cpus, gpus=options.gpus, found=found)
        return count

    def _nodes(self) -> list[Mapping[str, Any]]:
        return [node for node in self.ray.nodes() if node["Alive"]]

    def _places_at(self, node: Mapping[str, Any]) -> int:
        has, cluster_options = node["Resources"], self.cluster_options
        places = int(has.get("CPU", 0) / cluster_options.cpus)
        return min(places, int(has.get("GPU", 0) / cluster_options.gpus)) if cluster_options.gpus else places

    def paint(
        self, works: Sequence[PlannedJob], listener: Listener, how: PaintSegment = worker.paint_segment
    ) -> dict[int, VidstyleError]:
        """Paints what is not done of the jobs, by `how`; by Ctrl-C all tasks are cancelled.

        What a task raised, by the number of its job; such a job's other segments are left.
        """
        sites = [self._made_known(work) for work in works]
        storages = [storage_of(work.job) for work in works]
        self._sites |= {site.place: site for site in sites}
        done = [work.done for work in works]
        if any(done):
            shots = sum(len({segment.shot for segment in before}) for before in done)
            listener.resumed(sum(len(s) for before in done for s in before), shots, works[0].folder.path)
        queue, run = Queue(works, done), Run(self.ray, self.cluster_options, self.places, sites, how)
        failed: dict[int, VidstyleError] = {}
        try:
            while queue or run.flying:
                while queue and len(run.flying) < run.room:
                    run.start(queue.take())
                for (job, index), error in run.finished():
                    if error:
                        failed.setdefault(job, error)
                        queue.drop(job)
                    elif job not in failed:
                        storages[job].bring(*worker.names_of(works[job].folder, works[job].segments[index]))
                        queue.after(job, index)
                if cluster_progress := run.cluster_progress():
                    listener.together(cluster_progress)
        except BaseException:
            run.cancel()
            raise
        return failed

    def leave(self, work: PlannedJob) -> None:
        """Removes what storage and machines hold of a job that is joined, as far as it can be reached."""
        if work.job.keep_work:
            return
        try:
            storage_of(work.job).remove()
            site = self._sites[_place_of(work.job)]
            self.ray.get([self._at(node, worker.tidy).remote(site) for node in self._nodes()], timeout=ANSWER)
        except Exception as error:  # the film stands
            log.warning("something of the job is left on the cluster's machines or in its storage: %s", reason(error))

    def _made_known(self, work: PlannedJob) -> JobLocation:
        """Brings a job to its storage and what is done of it from there; checks that all machines find it."""
        site, storage = _site(work), storage_of(work.job)
        storage.offer(work.job.files, MANIFEST, PAINTER)
        for name, wanted in ((MANIFEST, site.manifest), (PAINTER, site.painter)):
            self._check(site.place, name, wanted)
        there = storage.names("segments")
        for segment in work.segments:
            names = worker.names_of(work.folder, segment)
            if names[-1].rsplit("/", 1)[-1] in there:
                storage.bring(*names)
            elif work.folder.is_done(segment):
                storage.keep(*names)
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
                raise JobError("VS507", address=address, reason=reason(error)) from error
            if version != vidstyle.__version__:
                raise JobError("VS503", address=address, version=version, expected=vidstyle.__version__)
            if torchs != torch.__version__:
                log.warning("%s has torch %s, not %s: the last bits may differ", address, torchs, torch.__version__)
            if found != wanted:
                raise JobError("VS504", address=address, name=name, place=place)

    def _at(self, node: Mapping[str, Any], function: Callable[..., Any]) -> Any:
        """`function` as a task for one machine."""
        return self.ray.remote(num_cpus=0, max_retries=0)(function).options(**on_node(node["NodeID"], soft=False))


@contextlib.contextmanager
def cluster_of(job: Job) -> Iterator[Cluster | None]:
    """The cluster that paints a job, if one does."""
    if job.cluster_options:
        with Cluster(job.cluster_options) as cluster:
            yield cluster
    else:
        yield None


def storage_of(job: Job) -> Storage:
    """Where the machines that paint a job find it; copies of a store lie in the job's own work folder."""
    return storage_at(_place_of(job), folder_of(job).path)


def _place_of(job: Job) -> str:
    folder = folder_of(job).path.absolute()
    if not job.cluster_options or not job.cluster_options.storage:
        return str(folder)
    owner = sha256(f"{socket.gethostname()}:{folder}".encode()).hexdigest()[:12]  # others may have such names too
    return f"{job.cluster_options.storage.rstrip('/')}/{owner}_{folder.name}"


def _site(work: PlannedJob) -> JobLocation:
    folder = work.folder
    device = device_of(work.job).type
    return JobLocation(_place_of(work.job), sha256_of(folder.manifest_file), sha256_of(folder.painter_file), device)


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise SettingsError("VS206") from error


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
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _resources(node: Mapping[str, Any]) -> str:
    return f"{node['Resources'].get('CPU', 0):g} CPUs and {node['Resources'].get('GPU', 0):g} GPUs"
