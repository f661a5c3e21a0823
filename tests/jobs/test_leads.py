"""Shots in chunks: what each begins with, and what a video of chunks is."""

from pathlib import Path

import pytest
import torch

from tests.clips import stream_hashes
from tests.films import Ear, many_shots
from tests.images import clouds
from tests.jobs.test_runner import interrupted
from tests.refusals import refused
from vidstyle.api import stylize
from vidstyle.jobs import chunks
from vidstyle.jobs.checkpoint import WorkFolder
from vidstyle.jobs.eta import RemainingTime
from vidstyle.jobs.leads import LeadFile, lead_paintings
from vidstyle.jobs.manifest import Segment
from vidstyle.settings.settings import Settings
from vidstyle.video.probe import probe

FRAMES, OVERLAP, CHUNK = 50, 8, 16  # in three chunks


@pytest.fixture(autouse=True)
def _short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "OVERLAP", OVERLAP)
    monkeypatch.setattr("vidstyle.settings.settings.SHORTEST_CHUNK", CHUNK)
    monkeypatch.setattr("vidstyle.jobs.manifest.MOST_FRAMES", 6)
    monkeypatch.setattr("vidstyle.jobs.manifest.FEWEST_FRAMES", 1)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many_shots(tmp_path_factory.mktemp("source") / "long.mp4", count=FRAMES, shots=1)


@pytest.fixture
def chunked(settings: Settings) -> Settings:
    return settings.replace(chunk_frames=CHUNK)


def test_paintings_come_back_to_half_a_thousandth(tmp_path: Path) -> None:
    paintings = [clouds(20, 30, seed=seed) for seed in range(3)]
    with LeadFile(tmp_path / "lead") as file:
        for painting in paintings:
            file.write(painting)
        file.finish()
    assert torch.allclose(lead_paintings(tmp_path / "lead").float(), torch.stack(paintings), atol=5e-4)


def test_a_lead_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with LeadFile(tmp_path / "gone" / "lead") as file, refused("VS515", "gone"):
        file.write(clouds(20, 30))
        file.finish()


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\x40\x00\x00\x00\x00\x00\x00\x00{"])
def test_a_broken_lead_is_told(tmp_path: Path, content: bytes) -> None:
    folder = WorkFolder(tmp_path)
    lead = Segment(3, 0, 8, 40, None, leaves=True, ends_film=False, leads=True)
    folder.write(folder.film(lead), content)
    with refused("VS519", "00003.safetensors"):
        folder.lead(lead)


def test_a_video_in_chunks_has_all_frames_and_its_twice_painted_ones_say_so(
    source: Path, style: Path, chunked: Settings, tmp_path: Path
) -> None:
    ear = Ear()
    summary = stylize(source, [style], tmp_path / "out.mp4", chunked, listener=ear)
    assert summary.frames == probe(tmp_path / "out.mp4").frame_count == FRAMES
    assert len(ear.frames) == FRAMES + 2 * OVERLAP == RemainingTime(ear.outlines[0]).frames
    assert (ear.outlines[0].shots, ear.outlines[0].seams) == (1, 2)
    assert sum(one.painted.steps for one in ear.frames) == summary.steps


def test_chunks_that_are_stopped_end_as_those_that_are_not(
    source: Path, style: Path, chunked: Settings, tmp_path: Path
) -> None:
    whole, halting = tmp_path / "whole.mp4", tmp_path / "halting.mp4"
    stylize(source, [style], whole, chunked)
    ears = [interrupted(source, style, halting, chunked, frames) for frames in (16, 11, 20)]
    stylize(source, [style], halting, chunked)
    assert stream_hashes(halting) == stream_hashes(whole)
    partial = [ear.partial[1] for ear in ears if ear.partial]
    assert partial == sorted(partial)
    assert partial[-1] > CHUNK


def test_shots_that_are_short_are_whole(style: Path, settings: Settings, chunked: Settings, tmp_path: Path) -> None:
    source = many_shots(tmp_path / "short.mp4", count=2 * CHUNK, shots=2)
    for name, how in (("chunked", chunked), ("whole", settings)):
        stylize(source, [style], tmp_path / f"{name}.mp4", how)
    assert stream_hashes(tmp_path / "chunked.mp4") == stream_hashes(tmp_path / "whole.mp4")
