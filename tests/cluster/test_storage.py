"""The files of a job in folders and stores."""

from pathlib import Path

import pytest

from tests.refusals import refused
from vidstyle.cluster.storage import Storage, Store, storage_at


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store in memory, and one on the disk."""
    return f"memory://{tmp_path.name}/films" if request.param == "memory" else f"file://{tmp_path / 'store' / 'films'}"


def folder(place: Path, **files: str) -> Path:
    for name, text in files.items():
        file = place / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return place


def test_what_one_machine_keeps_another_brings(url: str, tmp_path: Path) -> None:
    one, other = (Store(tmp_path / name, url) for name in ("one", "other"))
    folder(one.here, job="plan", segments__1="film")
    one.keep("job", "segments/1")
    other.bring("segments/1", "job")
    assert (other.here / "segments" / "1").read_text() == "film"
    assert other.names("segments") == {"1"}
    assert other.names("states") == set()


def test_what_is_here_is_not_brought_again(url: str, tmp_path: Path) -> None:
    one = Store(folder(tmp_path / "one", job="plan"), url)
    one.keep("job")
    (one.here / "job").write_text("mine")
    one.bring("job")
    assert (one.here / "job").read_text() == "mine"


def test_a_job_is_offered_with_its_files(url: str, tmp_path: Path) -> None:
    clips = [folder(tmp_path / name, clip=name) / "clip" for name in ("a", "b")]
    one, other = Store(folder(tmp_path / "one", job="plan"), url), Store(tmp_path / "other", url)
    one.offer(clips, "job")
    assert [other.near(clip).read_text() for clip in clips] == ["a", "b"]  # of one name, and no other machine has them
    assert all(tmp_path / "other" in other.near(clip).parents for clip in clips)


def test_another_job_of_the_same_name_replaces_the_old_one(url: str, tmp_path: Path) -> None:
    one = Store(folder(tmp_path / "one", job="plan", segments__1="film"), url)
    one.offer([], "job")
    one.keep("segments/1")
    one.offer([], "job")
    assert one.names("segments") == {"1"}
    (one.here / "job").write_text("another plan")
    one.offer([], "job")
    assert one.names("segments") == set()


def test_removing_and_tidying(url: str, tmp_path: Path) -> None:
    one, other = (Store(tmp_path / name, url) for name in ("one", "other"))
    folder(one.here, job="plan")
    one.keep("job")
    other.bring("job")
    other.tidy()
    assert not other.here.exists()
    one.remove()
    one.remove()
    with refused("VS509", "films"):
        other.bring("job")
    assert not (other.here / "job").exists()


def test_a_store_of_no_known_kind_is_told(tmp_path: Path) -> None:
    with refused("VS509", "nowhere://films", "nowhere"):
        Store(tmp_path, "nowhere://films").names("segments")


def test_a_shared_folder_is_what_it_is(tmp_path: Path) -> None:
    shared = Storage(folder(tmp_path, segments__1="film"))
    shared.bring("segments/1")
    shared.keep("segments/1")
    shared.offer([], "segments/1")
    shared.tidy()
    shared.remove()
    assert shared.names("segments") == {"1"}
    assert shared.near(Path("/a/clip")) == Path("/a/clip")
    with refused("VS508"):
        shared.bring("segments/2")


def test_a_place_tells_which_it_is(tmp_path: Path) -> None:
    assert storage_at("s3://bucket/films", tmp_path) == Store(tmp_path, "s3://bucket/films")
    assert storage_at("/films", tmp_path) == Storage(Path("/films"))
