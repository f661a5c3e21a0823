"""``vidstyle weights``."""

from pathlib import Path

import pytest
import torch

from tests.cli.test_main import assert_one_line, run
from tests.images import published_vgg19, random_tensors
from vidstyle.core.weights import cache_folder, imagenet_file, save_filters


@pytest.fixture
def vgg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return published_vgg19(tmp_path, monkeypatch)


def test_status_of_nothing_tells_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "weights")
    assert (code, out.splitlines()[0]) == (0, str(cache_folder()))
    assert "vidstyle weights fetch" in out


def test_import_keeps_and_status_shows(vgg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "weights", "import", vgg)[:2] == (0, f"{imagenet_file()}\n")
    code, out, lines = run(capsys, "weights", "status")
    assert code == 0, lines
    assert imagenet_file().with_suffix(".sha256").read_text()[:8] in out
    assert out.rstrip().endswith("ok")


def test_status_finds_what_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    cache_folder().mkdir(parents=True)
    imagenet_file().write_bytes(b"half a file")
    save_filters(random_tensors("conv1_1"), cache_folder() / "selftaught-0.safetensors")
    code, out, lines = run(capsys, "weights", "status")
    assert code == 1
    assert out.count("damaged") == 2
    assert_one_line(lines, "[VS701]")


def test_fetch_does_not_fetch_twice(
    vgg: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidstyle.core.weights.fetch_imagenet", lambda _: pytest.fail("fetched"))
    run(capsys, "weights", "import", vgg)
    assert run(capsys, "weights", "fetch") == (
        0,
        f"{imagenet_file()}\n",
        ["the ImageNet weights are already downloaded"],
    )


def test_a_file_that_does_not_fit_is_one_line(style: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (style, style.parent / "nothing.pth"):
        code, out, lines = run(capsys, "weights", "import", name)
        assert (code, out) == (1, "")
        assert_one_line(lines)


def test_teach_writes_what_was_learned(
    style: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def learn(images: list[torch.Tensor], **options: object) -> dict[str, torch.Tensor]:
        asked.append((len(images), options["deepest"], options["seed"]))
        return random_tensors("conv1_1")

    monkeypatch.setattr("vidstyle.core.selftaught.learn", learn)
    out = tmp_path / "mine.safetensors"
    code, stdout, lines = run(capsys, "weights", "teach", style, photo, "-o", out, "--seed", "5")
    assert (code, stdout) == (0, f"{out}\n"), lines
    assert asked == [(2, "conv5_4", 5)]
    assert out.is_file()
    code, _, lines = run(capsys, "weights", "teach", style, "-o", out)
    assert code == 1
    assert_one_line(lines, "[VS402]")


@pytest.mark.parametrize(
    ("words", "code", "wanted"),
    [
        ("x.png -o out.pth", 1, ".safetensors"),
        ("x.png -o o.safetensors", 1, "no such file"),
        ("-o o.safetensors", 2, ""),
    ],
)
def test_teach_refuses(words: str, code: int, wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    found, _, lines = run(capsys, "weights", "teach", *words.split())
    assert found == code
    assert_one_line(lines, wanted)


def test_the_folder_of_taught_filters_is_made(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidstyle.core.selftaught.learn", lambda *_, **__: random_tensors("conv1_1"))
    out = tmp_path / "new" / "mine.safetensors"
    assert run(capsys, "weights", "teach", photo, "-o", out)[:2] == (0, f"{out}\n")
    assert out.is_file()
