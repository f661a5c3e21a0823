"""Jobs on a Ray cluster: two nodes on this machine, of one core each."""

import importlib.util
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import vidstyle
from tests.clips import stream_hashes
from tests.jobs.films import Ear, leftovers, many_shots, two_shots
from vidstyle.errors import JobError, SettingsError
from vidstyle.jobs.job import Crew
from vidstyle.jobs.listener import Crowd
from vidstyle.jobs.run import stylize
from vidstyle.settings import Settings

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: vidstyle[cluster]"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning:ray", "ignore::DeprecationWarning"),
]

STORE = {"object_store_memory": 80_000_000}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    from ray.cluster_utils import Cluster as Nodes

    found = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **STORE})
    found.add_node(num_cpus=1, **STORE)
    found.wait_for_nodes()
    yield found
    found.shutdown()


@pytest.fixture
def crew(nodes: Any) -> Crew:
    return Crew(nodes.address)


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


class Crowds(Ear):
    """Remembers how far the machines were."""

    def __init__(self) -> None:
        super().__init__()
        self.crowds: list[Crowd] = []
        self.before = 0

    def together(self, crowd: Crowd) -> None:
        self.crowds.append(crowd)

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        self.before = frames


def test_a_film_has_the_frames_of_a_local_run(
    crew: Crew, source: Path, style: Path, settings: Settings, local: list[str], tmp_path: Path
) -> None:
    ear = Crowds()
    summary = stylize(source, [style], tmp_path / "out.mp4", settings, crew=crew, listener=ear)
    assert stream_hashes(tmp_path / "out.mp4") == local
    assert summary.frames == 48
    assert ear.crowds[-1].frames == 48
    assert list(tmp_path.iterdir()) == [tmp_path / "out.mp4"]


def test_machines_that_share_no_folder_use_a_store(
    crew: Crew, source: Path, style: Path, settings: Settings, local: list[str], tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    there = Crew(crew.address, storage=f"file://{tmp_path / 'store'}")
    stylize(source, [style], tmp_path / "out.mp4", settings, crew=there)
    assert stream_hashes(tmp_path / "out.mp4") == local
    assert leftovers(tmp_path, [tmp_path / "out.mp4", tmp_path / "store"]) == []
    assert list((tmp_path / "store").iterdir()) == []


def test_a_node_that_dies_changes_nothing(
    nodes: Any, crew: Crew, source: Path, style: Path, settings: Settings, local: list[str], tmp_path: Path
) -> None:
    doomed = nodes.add_node(num_cpus=1, **STORE)
    nodes.wait_for_nodes()

    class Kills(Crowds):
        killed = False

        def together(self, crowd: Crowd) -> None:
            super().together(crowd)
            if crowd.frames >= 6 and not self.killed:
                self.killed = True
                nodes.remove_node(doomed, allow_graceful=False)

    ear = Kills()
    stylize(source, [style], tmp_path / "out.mp4", settings, crew=crew, listener=ear)
    assert ear.killed
    assert stream_hashes(tmp_path / "out.mp4") == local


def test_stopping_leaves_what_is_done_and_goes_on_here(
    crew: Crew, source: Path, style: Path, settings: Settings, local: list[str], tmp_path: Path
) -> None:
    class Stops(Crowds):
        def together(self, crowd: Crowd) -> None:
            if crowd.frames >= 12:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stylize(source, [style], tmp_path / "out.mp4", settings, crew=crew, listener=Stops())
    assert not (tmp_path / "out.mp4").exists()
    ear = Crowds()
    stylize(source, [style], tmp_path / "out.mp4", settings, listener=ear)
    assert ear.before >= 12
    assert len(ear.frames) == 48 - ear.before
    assert stream_hashes(tmp_path / "out.mp4") == local


def test_more_than_any_machine_has_is_told_at_once(
    crew: Crew, source: Path, style: Path, settings: Settings, tmp_path: Path
) -> None:
    began = time.monotonic()
    with pytest.raises(JobError, match=r"no machine has the 1 CPUs and 4 GPUs of a task \(.* has 1 CPUs and 0 GPUs"):
        stylize(source, [style], tmp_path / "out.mp4", settings, crew=Crew(crew.address, gpus=4))
    assert time.monotonic() - began < 10
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_that_is_not_there_is_told_at_once(
    source: Path, style: Path, settings: Settings, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(JobError, match=f"--ray {address}: no cluster answers"):
        stylize(source, [style], tmp_path / "out.mp4", settings, crew=Crew(address))


def test_machines_with_another_version_are_refused(
    crew: Crew, source: Path, style: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vidstyle, "__version__", "0.0.9")
    with pytest.raises(JobError, match=r"has vidstyle .*, not 0\.0\.9; install the same"):
        stylize(source, [style], tmp_path / "out.mp4", settings, crew=crew)
    assert list(tmp_path.iterdir()) == []


def test_machines_that_do_not_find_the_job_are_refused(
    crew: Crew, source: Path, style: Path, settings: Settings, tmp_path: Path
) -> None:
    nowhere = Crew(crew.address, storage="memory://films")  # each process has a memory of its own
    with pytest.raises(JobError, match=r"--ray: .*memory://films"):
        stylize(source, [style], tmp_path / "out.mp4", settings, crew=nowhere)


def test_what_a_task_raises_is_told_as_it_is(
    crew: Crew, source: Path, style: Path, settings: Settings, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(source.read_bytes())

    class Breaks(Ear):
        def working(self, what: str, done: float, count: float) -> None:
            if what == "finding the balance" and copy.stat().st_size == source.stat().st_size:
                two_shots(copy.with_name("other.mp4"), count=12).replace(copy)

    with pytest.raises(JobError, match=r"the source was SHA-256 \w+ and is SHA-256 \w+; "):
        stylize(copy, [style], tmp_path / "out.mp4", settings, crew=crew, listener=Breaks())


def test_a_folder_of_clips_is_one_list_of_tasks(
    crew: Crew, source: Path, style: Path, settings: Settings, local: list[str], tmp_path: Path
) -> None:
    place = tmp_path / "clips"
    place.mkdir()
    (place / "a.mp4").write_bytes(source.read_bytes())
    two_shots(place / "b.mp4", count=12)
    (place / "c.mp4").write_bytes(b"no film")
    ear = Crowds()
    summary = stylize(place, [style], settings=settings, crew=crew, listener=ear)
    assert summary.frames == 60
    assert ear.outlines[-1].frames == 60
    assert [failure.split()[0] for failure in summary.failed] == ["c.mp4"]
    assert stream_hashes(summary.out / "a.mp4") == local
    assert sorted(file.name for file in summary.out.iterdir()) == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cpus": 0.0}, "--task-cpus 0"),
        ({"gpus": -1.0}, "--task-gpus -1"),
        ({"gpus": 1.5}, "--task-gpus 1.5"),
        ({"storage": "/films"}, "--storage /films: is no URL"),
    ],
)
def test_crews_that_cannot_be_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Crew(**values)


def test_pictures_are_painted_here(style: Path, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--ray is for videos"):
        stylize(style, [style], tmp_path / "out.png", settings, crew=Crew())
