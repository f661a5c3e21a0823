"""What jobs cost on a Ray cluster of two nodes on this machine, each of one core.

    python benchmarks/cluster.py segments [--count 10000] [--json segments.json]
    python benchmarks/cluster.py nodes [--size 160] [--json nodes.json]
    python benchmarks/cluster.py chunks [--size 96] [--count 1008] [--json chunks.json]

``segments``: many segments of one frame that nobody paints are planned, given to tasks and joined: the driver's time
and memory for each. ``nodes``: a film of six shots painted by one node and by two: their times, and whether the frames
agree. ``chunks``: one shot of about `count` frames painted whole by one node, and in two chunks by two.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vidstyle.cluster.scheduler import connected
from vidstyle.cluster.worker import JobLocation
from vidstyle.core.weights import save_filters
from vidstyle.jobs.checkpoint import WorkFolder
from vidstyle.jobs.eta import random_filters
from vidstyle.jobs.events import ClusterProgress, Listener
from vidstyle.jobs.manifest import Segment
from vidstyle.jobs.runner import join_film, plan_film
from vidstyle.jobs.segments import PlannedJob
from vidstyle.jobs.spec import ClusterOptions, JobSpec
from vidstyle.settings.settings import Settings
from vidstyle.video import ffmpeg
from vidstyle.video.encoder import Film, SegmentFile

SAMPLES = Path(__file__).resolve().parents[1] / "samples"


@contextmanager
def two_nodes(count: int = 2) -> Iterator[Any]:
    from ray.cluster_utils import Cluster as Nodes

    store = {"object_store_memory": 100_000_000}
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **store})
    for _ in range(count - 1):
        nodes.add_node(num_cpus=1, **store)
    nodes.wait_for_nodes()
    try:
        yield nodes
    finally:
        nodes.shutdown()


class Measures(Listener):
    """The driver's memory while the machines work."""

    def __init__(self) -> None:
        self.at: list[tuple[int, float]] = []

    def together(self, cluster_progress: ClusterProgress) -> None:
        self.at.append((cluster_progress.frames, resident()))


def resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def nothing(site: JobLocation, key: tuple[int, int], threads: int, board: Any) -> int:
    """Does for a segment what painting it does with the files, but for the painting."""
    folder = WorkFolder(Path(site.place))
    segment = Segment(key[1], key[1], key[1], key[1] + 1, None, leaves=False, ends_film=False)
    folder.write(folder.work_file(segment), (folder.path / "work.json").read_bytes())
    folder.write(folder.film(segment), (folder.path / "segment.mp4").read_bytes())
    return 1


def made_of_shots(folder: Path, count: int) -> PlannedJob:
    """A planned film of `count` shots of one frame."""
    source, weights, settings = folder / "film.mp4", folder / "random.safetensors", Settings()
    pattern = f"testsrc=size=64x48:rate=24:duration={count / 24}"
    ffmpeg.run([*("-f", "lavfi", "-i", pattern), *("-c:v", "libx264", "-preset", "ultrafast"), str(source)])
    save_filters(random_filters(settings, torch.Generator().manual_seed(0)).tensors, weights)
    settings = settings.replace(weights=str(weights), steps=1)
    plan = plan_film(JobSpec.of(source, [SAMPLES / "monet.jpg"], folder / "out.mp4", settings), Listener())
    manifest = replace(plan.manifest, frames=count, scenes=replace(plan.manifest.scenes, cuts=tuple(range(1, count))))
    plan.folder.write(plan.folder.manifest_file, manifest.to_json().encode())
    with SegmentFile(plan.folder.path / "segment.mp4", Film(folder / "out.mp4", manifest.size, 24)) as segment:  # type: ignore[arg-type]
        segment.write(torch.rand(3, *manifest.size))
        segment.finish()
    work = [{"steps": 1, "full_steps": 1.0, "seconds": 0.0, "memory": 0.0}]
    (plan.folder.path / "work.json").write_text(json.dumps(work))
    return replace(plan, manifest=manifest)


def segments(count: int) -> dict[str, float]:
    ear = Measures()
    with tempfile.TemporaryDirectory() as place, two_nodes() as nodes:
        plan = made_of_shots(Path(place), count)
        with connected(ClusterOptions(nodes.address)) as cluster:
            began, busy = time.perf_counter(), time.process_time()
            assert len(plan.segments) == count
            planned = time.process_time() - busy
            cluster.paint([plan], ear, nothing)
            painted, used = time.perf_counter() - began, time.process_time() - busy
        began, busy = time.perf_counter(), time.process_time()
        join_film(plan.folder.path, Listener())
        joined, joining = time.perf_counter() - began, time.process_time() - busy
    tenth = next(size for frames, size in ear.at if frames >= count / 10)
    return {
        "segments": count,
        "seconds_of_tasks": painted,
        "driver_ms_a_segment": 1000 * used / count,
        "of_it_planning_ms": 1000 * planned / count,
        "seconds_of_join": joined,
        "driver_ms_a_segment_of_join": 1000 * joining / count,
        "driver_megabytes_at_a_tenth": tenth,
        "driver_megabytes_at_the_end": ear.at[-1][1],
    }


def six_shots(folder: Path) -> Path:
    """The sample's two shots three times."""
    listing, film = folder / "list.txt", folder / "six.mp4"
    listing.write_text(f"file '{SAMPLES / 'clip.mp4'}'\n" * 3)
    ffmpeg.run([*("-f", "concat", "-safe", "0", "-i", str(listing)), *("-an", "-c", "copy"), str(film)])
    return film


def one_shot(folder: Path, count: int) -> Path:
    """The sample's first shot forwards and backwards, again and again, of about `count` frames."""
    film, turn = folder / "one.mp4", 28
    chain = (
        f"[0:v]trim=end_frame={turn},split[a][b];[b]reverse[r];[a][r]concat,loop={count // (2 * turn) - 1}:{2 * turn}"
    )
    ffmpeg.run(["-i", str(SAMPLES / "clip.mp4"), "-filter_complex", chain, "-an", str(film)])
    return film


def painted_by(nodes: int, film: Path, weights: Path, size: int, *options: str) -> tuple[float, bytes]:
    """Seconds of the command line on so many nodes, planning and joining included, and the frames."""
    out = film.with_name(f"by_{nodes}.mp4")
    words = [str(film), "--style", str(SAMPLES / "monet.jpg"), "--size", str(size), "--weights", str(weights), *options]
    with two_nodes(nodes) as cluster:
        began = time.perf_counter()
        command = [sys.executable, "-m", "vidstyle", *words, "-o", str(out), "--ray", cluster.address]
        subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True)
        seconds = time.perf_counter() - began
    return seconds, ffmpeg.run(["-i", str(out), "-map", "0:v", "-f", "framemd5", "-"]).output


def nodes(size: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place:
        film, weights = six_shots(Path(place)), taught(Path(place))
        (one, by_one), (two, by_two) = (painted_by(count, film, weights, size) for count in (1, 2))
    return {"seconds_of_one": one, "seconds_of_two": two, "two_over_one": two / one, "same_frames": by_one == by_two}


def chunks(size: int, count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place:
        film, weights = one_shot(Path(place), count), taught(Path(place))
        one, frames = painted_by(1, film, weights, size)
        two, chunked = painted_by(2, film, weights, size, "--chunk-frames", str(count // 2 - 28))
    assert frames.count(b"\n") == chunked.count(b"\n")
    return {"frames": frames.count(b"\n0,"), "seconds_of_one": one, "seconds_of_two": two, "two_over_one": two / one}


def taught(folder: Path) -> Path:
    """Weights learned from a style."""
    weights = folder / "taught.safetensors"
    words = ["weights", "teach", "-o", str(weights), str(SAMPLES / "monet.jpg")]
    subprocess.run([sys.executable, "-m", "vidstyle", *words], check=True)
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["segments", "nodes", "chunks"])
    parser.add_argument("--count", type=int, help="segments (10,000), or frames of the shot (1,008)")
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    runs = {
        "segments": lambda: segments(options.count or 10_000),
        "nodes": lambda: nodes(options.size),
        "chunks": lambda: chunks(options.size, options.count or 1008),
    }
    result = runs[options.what]()
    result["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for key, value in result.items():
        print(f"{key:32} {value:10.3f}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
