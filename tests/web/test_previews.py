"""Previews: one frame, painted small and at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.conftest import QUICK, until
from vidstyle.core.sizes import size_of
from vidstyle.errors import JobError, SourceError
from vidstyle.images import load_image
from vidstyle.web.job_folder import BEFORE, LATEST, Status, Ticket
from vidstyle.web.previews import AT_ONCE, SIDE, STEPS, Previews


@pytest.fixture
def previews(tmp_path: Path) -> Iterator[Previews]:
    made = Previews(tmp_path / "previews", "cpu")
    yield made
    made.close()


def ended(previews: Previews, name: str) -> Status | None:
    status, _ = previews.look(name)
    return status if status.ended else None


def test_the_middle_frame_of_a_video_is_painted(previews: Previews, film: Path, style: Path) -> None:
    name = previews.start(film, [style], {**QUICK, "init": "random", "style_weight": 1000.0})
    until(lambda: ended(previews, name))
    status, folder = previews.look(name)
    assert status.state == "done"
    before, after = (load_image(folder / file).rgb for file in (BEFORE, LATEST))
    assert size_of(before) == size_of(after) == (48, 64)
    assert float((before - after).abs().mean()) > 0.03
    settings = Ticket.read(folder).settings
    assert settings["size"] == str(SIDE)
    assert settings["steps"] == STEPS
    assert "init" not in settings  # noise takes many steps
    assert len(status.losses) == STEPS


def test_a_new_preview_ends_the_one_before(previews: Previews, photo: Path, style: Path) -> None:
    first = previews.start(photo, [style], {"weights": "selftaught"})
    process = previews._processes[first]
    second = previews.start(photo, [style], QUICK, instead_of=first)
    assert process.poll() is not None
    with pytest.raises(JobError) as caught:
        previews.look(first)
    assert caught.value.code == "VS525"
    until(lambda: ended(previews, second))


def test_not_all_visitors_at_once(previews: Previews, photo: Path, style: Path) -> None:
    names = [previews.start(photo, [style], {"weights": "selftaught"}) for _ in range(AT_ONCE)]
    with pytest.raises(JobError) as caught:
        previews.start(photo, [style], QUICK)
    assert caught.value.code == "VS528"
    assert len(list(previews._folder.iterdir())) == len(names)
    previews.close()
    assert not list(previews._folder.iterdir())


def test_a_preview_that_is_killed_is_told(previews: Previews, photo: Path, style: Path) -> None:
    name = previews.start(photo, [style], {"weights": "selftaught"})
    previews._processes[name].kill()
    until(lambda: ended(previews, name))
    status, _ = previews.look(name)
    assert status.note.endswith("[VS530]")


def test_what_cannot_be_painted_leaves_nothing(previews: Previews, tmp_path: Path, style: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(SourceError):
        previews.start(tmp_path / "broken.mp4", [style], QUICK)
    assert not list(previews._folder.iterdir())
