"""Jobs on a Ray cluster: two nodes on this machine, of one core each."""

import gc
import importlib.util
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import vidstyle
from tests.clips import stream_hashes
from tests.films import Ear, StopsAfter, leftovers, many_shots, two_shots
from tests.images import clouds
from tests.refusals import refused
from vidstyle.api import stylize
from vidstyle.cluster.scheduler import connected
from vidstyle.cluster.worker import JobLocation, paint_segment
from vidstyle.images import save_image
from vidstyle.jobs.events import ClusterProgress, Outline
from vidstyle.jobs.runner import join_film, plan_film
from vidstyle.jobs.spec import ClusterOptions, JobSpec
from vidstyle.settings.settings import SHORTEST_CHUNK, Settings
from vidstyle.video.packets import packet_times
from vidstyle.video.probe import probe

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: vidstyle[cluster]"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning:ray", "ignore::DeprecationWarning"),
]

STORE = {"object_store_memory": 80_000_000}


@pytest.fixture(scope="module")
def copies() -> Iterator[Path]:
    """The machines' folder for copies of jobs."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def nodes(copies: Path) -> Iterator[Any]:
    from ray.cluster_utils import Cluster as Nodes

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", tempfile.gettempdir())  # the names of its sockets have to be short
        patch.setenv("TMPDIR", str(copies))
        found = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **STORE})
        found.add_node(num_cpus=1, **STORE)
        found.wait_for_nodes()
        yield found
    found.shutdown()
    gc.collect()  # what Ray leaves open is told here, where it is known, and not in another test


@pytest.fixture
def cluster_options(nodes: Any) -> ClusterOptions:
    return ClusterOptions(nodes.address)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As the tasks have, so that the last bits agree."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many_shots(tmp_path_factory.mktemp("source") / "six.mp4")


@pytest.fixture(scope="module")
def local(source: Path, settings: Settings, style: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The streams of the film that this machine paints alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("local") / "out.mp4"
    stylize(source, [style], out, settings)
    torch.set_num_threads(before)
    return stream_hashes(out)


class StopsAt(Ear):
    """Stops when machines have painted so many frames."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.limit = frames

    def together(self, cluster_progress: ClusterProgress) -> None:
        if cluster_progress.frames >= self.limit:
            raise KeyboardInterrupt


class Crowds(Ear):
    """Remembers how far the machines were."""

    def __init__(self) -> None:
        super().__init__()
        self.crowds: list[ClusterProgress] = []
        self.before = 0

    def together(self, cluster_progress: ClusterProgress) -> None:
        self.crowds.append(cluster_progress)

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        self.before = frames


def test_a_film_has_the_frames_of_a_local_run(
    cluster_options: ClusterOptions, source: Path, style: Path, settings: Settings, local: list[str], tmp_path: Path
) -> None:
    ear = Crowds()
    summary = stylize(source, [style], tmp_path / "out.mp4", settings, cluster_options=cluster_options, listener=ear)
    assert stream_hashes(tmp_path / "out.mp4") == local
    assert summary.frames == 48
    assert ear.crowds[-1].frames == 48
    assert list(tmp_path.iterdir()) == [tmp_path / "out.mp4"]


def test_chunks_of_one_shot_have_the_frames_of_a_local_run(
    cluster_options: ClusterOptions, style: Path, settings: Settings, tmp_path: Path
) -> None:
    source = many_shots(tmp_path / "long.mp4", count=2 * SHORTEST_CHUNK, shots=1, size=(24, 32))
    chunked = settings.replace(chunk_frames=SHORTEST_CHUNK, every=4)
    (tmp_path / "store").mkdir()
    there = ClusterOptions(cluster_options.address, storage=f"file://{tmp_path / 'store'}")
    stylize(source, [style], tmp_path / "here.mp4", chunked)
    summary = stylize(source, [style], tmp_path / "there.mp4", chunked, cluster_options=there)
    assert stream_hashes(tmp_path / "there.mp4") == stream_hashes(tmp_path / "here.mp4")
    assert summary.frames == 2 * SHORTEST_CHUNK


def test_frames_that_are_unevenly_spaced_keep_their_times(
    cluster_options: ClusterOptions, style: Path, settings: Settings, tmp_path: Path
) -> None:
    uneven = ("-vf", "settb=1/90000,setpts='(N+0.3*mod(N*N\\,7))/(FRAME_RATE*TB)'", "-fps_mode", "vfr")
    source = many_shots(tmp_path / "uneven.mp4", *uneven, "-enc_time_base", "1/90000", count=24, shots=2)
    for out, there in ((tmp_path / "there.mp4", cluster_options), (tmp_path / "here.mp4", None)):
        stylize(source, [style], out, settings, cluster_options=there)
    found, wanted = packet_times(tmp_path / "there.mp4"), packet_times(source)
    begins = [[float(time * times.tick) for time in times.times] for times in (found, wanted)]
    assert begins[0] == pytest.approx(begins[1], abs=0.001)
    assert len(set(np.diff(begins[1]).round(3))) > 3
    assert stream_hashes(tmp_path / "there.mp4") == stream_hashes(tmp_path / "here.mp4")


def test_images_that_are_a_film_from_and_to_a_folder_that_all_see(
    style: Path, settings: Settings, tmp_path: Path, cluster_options: ClusterOptions
) -> None:
    (tmp_path / "in").mkdir()
    for number in range(8, 12):
        save_image(tmp_path / "in" / f"a.{number}.png", clouds(24, 32, seed=number // 10, grain=8), bits=16)
    for out, options in (("there", cluster_options), ("here", None)):
        source = tmp_path / "in" / "a.%d.png"
        stylize(source, [style], tmp_path / out, settings, device="auto" if options else "cpu", cluster_options=options)
    there, here = ({f.name: f.read_bytes() for f in (tmp_path / out).iterdir()} for out in ("there", "here"))
    assert there == here
    assert len(there) == 4


def test_machines_that_share_no_folder_use_a_store_and_keep_no_copies(
    cluster_options: ClusterOptions,
    source: Path,
    style: Path,
    settings: Settings,
    local: list[str],
    copies: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "store").mkdir()
    there = ClusterOptions(cluster_options.address, storage=f"file://{tmp_path / 'store'}")
    stylize(source, [style], tmp_path / "out.mp4", settings, cluster_options=there)
    assert stream_hashes(tmp_path / "out.mp4") == local
    assert leftovers(tmp_path, [tmp_path / "out.mp4", tmp_path / "store"]) == []
    assert list((tmp_path / "store").iterdir()) == []
    assert list(copies.glob("vidstyle-*")) == []


def test_a_job_of_a_store_goes_on_here_and_there(
    cluster_options: ClusterOptions, style: Path, settings: Settings, tmp_path: Path
) -> None:
    """Begun on the cluster, gone on here, ended on the cluster; each shot is more than one segment."""
    source, whole = many_shots(tmp_path / "long.mp4", count=120, shots=2), tmp_path / "whole.mp4"
    stylize(source, [style], whole, settings)
    (tmp_path / "store").mkdir()
    there, out = ClusterOptions(cluster_options.address, storage=f"file://{tmp_path / 'store'}"), tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        stylize(source, [style], out, settings, cluster_options=there, listener=StopsAt(20))
    with pytest.raises(KeyboardInterrupt):
        stylize(source, [style], out, settings, listener=StopsAfter(32))
    ear = Crowds()
    stylize(source, [style], out, settings, cluster_options=there, listener=ear)
    assert 40 <= ear.before < 120
    assert stream_hashes(out) == stream_hashes(whole)
    assert list((tmp_path / "store").iterdir()) == []


def test_files_may_be_named_from_here(
    cluster_options: ClusterOptions,
    style: Path,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The machines have another working folder."""
    monkeypatch.chdir(tmp_path)
    Path("mine.safetensors").write_bytes(Path(settings.weights).read_bytes())
    Path("start.png").write_bytes(style.read_bytes())
    two_shots(Path("clip.mp4"), count=8)
    Path("store").mkdir()
    named = settings.replace(weights="mine.safetensors", init="start.png")
    for storage in (None, f"file://{tmp_path / 'store'}"):
        stylize(
            "clip.mp4",
            [style],
            "out.mp4",
            named,
            cluster_options=ClusterOptions(cluster_options.address, storage=storage),
            overwrite=True,
        )
        assert probe(Path("out.mp4")).frame_count == 8


def test_a_node_that_dies_changes_nothing(
    nodes: Any,
    cluster_options: ClusterOptions,
    source: Path,
    style: Path,
    settings: Settings,
    local: list[str],
    tmp_path: Path,
) -> None:
    """It dies while it paints; another one paints that segment again."""
    doomed = nodes.add_node(num_cpus=1, **STORE)
    nodes.wait_for_nodes()
    begun, dying = tmp_path / "begun", doomed.node_id
    begun.mkdir()

    def paint(site: JobLocation, key: tuple[int, int], threads: int, board: Any) -> int:
        import ray

        node = ray.get_runtime_context().get_node_id()
        (begun / f"{key[1]}_{node}").touch()
        if node == dying:
            time.sleep(60)
        return paint_segment(site, key, threads, board)

    class Kills(Crowds):
        lost: str | None = None

        def together(self, cluster_progress: ClusterProgress) -> None:
            held = [file.name.split("_")[0] for file in begun.glob(f"*_{dying}")]
            if held and self.lost is None:
                self.lost = held[0]
                nodes.remove_node(doomed, allow_graceful=False)

    ear, job = Kills(), JobSpec.of(source, [style], tmp_path / "out.mp4", settings, cluster_options=cluster_options)
    plan = plan_film(job, ear)
    with connected(cluster_options) as cluster:
        assert cluster.paint([plan], ear, paint) == {}
    join_film(plan.folder.path, ear)
    assert ear.lost is not None
    assert len(list(begun.glob(f"{ear.lost}_*"))) == 2
    assert stream_hashes(tmp_path / "out.mp4") == local


def test_stopping_leaves_what_is_done_and_goes_on_here(
    cluster_options: ClusterOptions, source: Path, style: Path, settings: Settings, local: list[str], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        stylize(source, [style], tmp_path / "out.mp4", settings, cluster_options=cluster_options, listener=StopsAt(12))
    assert not (tmp_path / "out.mp4").exists()
    ear = Crowds()
    stylize(source, [style], tmp_path / "out.mp4", settings, listener=ear)
    assert ear.before >= 12
    assert len(ear.frames) == 48 - ear.before
    assert stream_hashes(tmp_path / "out.mp4") == local


def test_more_than_any_machine_has_is_told_at_once(
    cluster_options: ClusterOptions, source: Path, style: Path, settings: Settings, tmp_path: Path
) -> None:
    began = time.monotonic()
    with refused("VS502", "1", "4", "0"):
        stylize(
            source,
            [style],
            tmp_path / "out.mp4",
            settings,
            cluster_options=ClusterOptions(cluster_options.address, gpus=4),
        )
    assert time.monotonic() - began < 10
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("named", ["by the cluster_options", "by the environment"])
def test_a_cluster_that_is_not_there_is_told_at_once(
    source: Path, style: Path, settings: Settings, tmp_path: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    cluster_options = ClusterOptions(address if named == "by the cluster_options" else None)
    with refused("VS505", address):
        stylize(source, [style], tmp_path / "out.mp4", settings, cluster_options=cluster_options)


def test_machines_with_another_version_are_refused(
    cluster_options: ClusterOptions,
    source: Path,
    style: Path,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vidstyle, "__version__", "0.0.9")
    with refused("VS503", "0.0.9"):
        stylize(source, [style], tmp_path / "out.mp4", settings, cluster_options=cluster_options)
    assert list(tmp_path.iterdir()) == []


def test_machines_that_do_not_find_the_job_are_refused(
    cluster_options: ClusterOptions, source: Path, style: Path, settings: Settings, tmp_path: Path
) -> None:
    nowhere = ClusterOptions(cluster_options.address, storage="memory://films")  # each process has a memory of its own
    with refused("VS507", "memory://films"):
        stylize(source, [style], tmp_path / "out.mp4", settings, cluster_options=nowhere)


def test_what_a_task_raises_is_told_as_it_is(
    cluster_options: ClusterOptions, source: Path, style: Path, settings: Settings, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(source.read_bytes())

    class Breaks(Ear):
        def working(self, what: str, done: float, count: float) -> None:
            if what == "finding the balance" and copy.stat().st_size == source.stat().st_size:
                two_shots(copy.with_name("other.mp4"), count=12).replace(copy)

    with refused("VS512", "copy.mp4"):
        stylize(copy, [style], tmp_path / "out.mp4", settings, cluster_options=cluster_options, listener=Breaks())


def test_a_folder_of_clips_is_one_list_of_tasks_and_those_that_fail_do_not_stop_the_others(
    cluster_options: ClusterOptions, source: Path, style: Path, settings: Settings, local: list[str], tmp_path: Path
) -> None:
    """One clip is no film; another is replaced when all is planned."""
    place = tmp_path / "clips"
    place.mkdir()
    (place / "a.mp4").write_bytes(source.read_bytes())
    (place / "c.mp4").write_bytes(b"no film")
    for name in "bd":
        two_shots(place / f"{name}.mp4", count=12)

    class Breaks(Crowds):
        def started(self, outline: Outline) -> None:
            super().started(outline)
            if outline.frames == 72:
                two_shots(tmp_path / "other.mp4", count=10).replace(place / "d.mp4")

    ear = Breaks()
    summary = stylize(place, [style], settings=settings, cluster_options=cluster_options, listener=ear)
    assert summary.frames == 60
    assert ear.outlines[-1].frames == 72
    assert len(summary.failed) == 2
    assert all(name in failure for name, failure in zip(("c.mp4", "d.mp4"), summary.failed, strict=True))
    assert stream_hashes(summary.out / "a.mp4") == local
    assert sorted(file.name for file in summary.out.glob("*.mp4")) == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize(
    ("values", "code", "fact"),
    [
        ({"cpus": 0.0}, "VS220", "--task-cpus 0"),
        ({"gpus": -1.0}, "VS220", "--task-gpus -1"),
        ({"gpus": 1.5}, "VS221", "--task-gpus 1.5"),
        ({"storage": "/films"}, "VS222", "--storage /films"),
    ],
)
def test_crews_that_cannot_be_are_refused(values: dict[str, Any], code: str, fact: str) -> None:
    with refused(code, fact):
        ClusterOptions(**values)


def test_images_are_painted_here(style: Path, settings: Settings, tmp_path: Path) -> None:
    with refused("VS223"):
        stylize(style, [style], tmp_path / "out.png", settings, cluster_options=ClusterOptions())
