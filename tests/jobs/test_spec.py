"""A job is asked for in one list of options, which outlives the process."""

import json
from dataclasses import MISSING, fields, replace
from pathlib import Path

import pytest

from tests.films import two_shots
from tests.refusals import refused
from vidstyle.errors import SettingsError, SourceError
from vidstyle.jobs.spec import ClusterOptions, JobOptions, JobSpec
from vidstyle.settings.settings import Settings


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: Path) -> JobSpec:
    """One that names its files from the working folder, and asks for all there is."""
    monkeypatch.chdir(tmp_path)
    two_shots(Path("clip.mp4"), count=2)
    for name in ("style.png", "start.png", "mask.png"):
        Path(name).write_bytes(style.read_bytes())
    settings = Settings(init="start.png", strength=0.3)
    options: JobOptions = {"mask": "mask.png", "style_masks": ["mask.png"], "start": 0.02, "end": 0.5, "report": True}
    once: JobOptions = {"restart": True, "overwrite": True, "max_memory": 4e9, "cluster_options": ClusterOptions()}
    return JobSpec.of("clip.mp4", ["style.png"], "out.mp4", settings, device="cpu", keep_work=True, **options, **once)


def test_every_field_with_a_default_can_be_given() -> None:
    with_default = {one.name for one in fields(JobSpec) if one.default is not MISSING}
    assert set(JobOptions.__annotations__) == with_default


def test_what_is_kept_is_the_same_job(job: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From anywhere, and but for what was said for one run."""
    facts = json.loads(json.dumps(job.to_dict()))
    monkeypatch.chdir("/")
    found = JobSpec.from_dict(facts, tmp_path / "out.mp4")
    there = {name: tmp_path / getattr(job, name) for name in ("source", "out", "mask")}
    there |= {"styles": (tmp_path / "style.png",), "style_masks": (tmp_path / "mask.png",)}
    settings = job.settings.replace(init=str(tmp_path / "start.png"))
    assert found == replace(job, **there, settings=settings, restart=False, max_memory=None, cluster_options=None)
    assert found.to_dict() == facts


def test_its_files_may_lie_elsewhere(job: JobSpec, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    for file in job.files:
        (copies / file.name).write_bytes(file.read_bytes())
    found = JobSpec.from_dict(job.to_dict(), tmp_path / "out.mp4", near=lambda file: copies / file.name)
    assert {file.parent for file in found.files} == {copies}


def test_a_file_that_is_gone_is_told(job: JobSpec, tmp_path: Path) -> None:
    facts = job.to_dict()
    job.source.unlink()
    with refused("VS301", "clip.mp4"):
        JobSpec.from_dict(facts, tmp_path / "out.mp4")


@pytest.mark.parametrize("change", [{"no_such_option": 1}, {"styles": None}, {"settings": {"steps": 0, "nothing": 1}}])
def test_what_no_job_made_is_refused(job: JobSpec, tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        JobSpec.from_dict({**job.to_dict(), **change}, tmp_path / "out.mp4")


def test_an_encoding_that_cannot_be_is_refused_before_painting(job: JobSpec) -> None:
    with pytest.raises(SettingsError) as caught:
        JobSpec.of(job.source, job.styles, "out.mp4", job.settings.replace(codec="prores"), overwrite=True)
    assert caught.value.code == "VS270"


@pytest.mark.parametrize(("out", "length"), [("mp4", 251), ("png", 256)])
def test_a_name_too_long_for_what_lies_beside_it_is_said_to_be(
    tmp_path: Path, style: Path, out: str, length: int
) -> None:
    """Films have a work folder, whose name is longer by 9 bytes."""
    source = two_shots(tmp_path / "clip.mp4", count=2) if out == "mp4" else style
    with pytest.raises(SourceError) as caught:
        JobSpec.of(source, [style], tmp_path / f"{'a' * (length - 4)}.{out}")
    assert caught.value.code == "VS316"
