"""``vidstyle reconstruct``, ``texture`` and ``layers`` as people call them; and looks from the command line."""

from pathlib import Path

import pytest
import torch

from tests.cli.test_main import run
from tests.images import random_tensors
from vidstyle.core.weights import save_filters
from vidstyle.images import load_image, save_image
from vidstyle.video.reader import open_video


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("filters") / "deep.safetensors"
    save_filters(random_tensors("conv5_2"), path)
    return ["--weights", str(path), "--steps", "2", "--scales", "1", "--device", "cpu"]


def test_a_reconstruction(photo: Path, deep: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    gif = photo.with_name("steps.gif")
    code, out, lines = run(capsys, "reconstruct", photo, "--layer", "conv2_2=1,conv1_2", *deep, "--progress-gif", gif)
    assert (code, out) == (0, f"{photo.with_name('photo_conv2_2_conv1_2.png')}\n{gif}\n")
    assert any(line.startswith("conv2_2: relative error ") for line in lines)
    assert load_image(photo.with_name("photo_conv2_2_conv1_2.png")).rgb.shape == (3, 48, 64)
    with open_video(gif) as frames:
        assert len(frames) >= 2


def test_a_texture(style: Path, deep: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "texture", style, *deep, "--size", "70x50", "--tile", "--style-layers", "conv1_1")
    assert (code, out) == (0, f"{style.with_name('stripes_texture.png')}\n")
    assert load_image(style.with_name("stripes_texture.png")).rgb.shape == (3, 64, 80)


def test_a_sheet(photo: Path, style: Path, deep: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--grid", "strength=0,1:steps=1,2", "--show", "gram", "--size", "32", "--content-layers", "conv1_2"]
    code, out, lines = run(capsys, "layers", photo, "--style", style, *deep, *words, "--style-layers", "conv1_1")
    assert (code, out.splitlines()) == (0, [str(photo.with_name(f"photo_{n}.png")) for n in ("grid", "grid_gram")])
    assert lines[-1].startswith("painted 4 images")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["reconstruct", "nothing.png"], 1, "VS304"),
        (["reconstruct", "photo.png", "--layer", "conv9_9"], 1, "VS233"),
        (["reconstruct", "photo.png", "--max-mb", "2"], 2, "VS105"),
        (["reconstruct", "photo.png", "--all-layers", "--progress-gif", "a.gif"], 1, "VS267"),
        (["texture", "photo.png", "--size", "20"], 2, "VS111"),
        (["texture", "photo.png", "--size", "8x8"], 2, "VS111"),
        (["texture", "photo.png", "-o", "a.mp4"], 1, "VS429"),
        (["layers", "photo.png"], 2, "VS212"),
        (["layers", "photo.png", "-s", "photo.png", "--grid", "a:b"], 1, "VS260"),
        (["photo.png", "-s", "photo.png", "--mask", "nothing.png"], 1, "VS304"),
        (["photo.png", "-s", "photo.png", "--style-blend", "1,2"], 1, "VS242"),
        (["photo.png", "-s", "photo.png", "--style-loss", "gramm"], 2, "style-loss"),
    ],
)
def test_wrong_words_are_told_in_one_line(
    photo: Path, words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(photo.parent)
    found, out, lines = run(capsys, *words)
    assert (found, out) == (code, "")
    assert message in lines[-1]
    assert sorted(p.name for p in photo.parent.iterdir()) == ["photo.png"]


def test_what_a_figure_does_not_use_is_told(
    photo: Path, style: Path, deep: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, lines = run(capsys, "layers", photo, "--style", style, *deep, "--size", "32", "--strength", "0.9")
    assert code == 0
    assert any("--strength is not used" in line for line in lines)


@pytest.mark.parametrize("words", [["--feather", "3"], ["--style-weight", "0", "--style-scale", "2"]])
def test_looks_that_are_not_used_are_told(
    photo: Path, fast: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, lines = run(capsys, photo, *fast, *words)
    assert code == 0
    assert any(f"{words[-2]} is not used" in line for line in lines)


def test_masks_and_several_styles(
    photo: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = torch.zeros(3, 48, 64)
    mask[..., :32] = 1
    save_image(tmp_path / "mask.png", mask)
    words = ["--style", photo, "--style-mask", tmp_path / "mask.png", "--mask", tmp_path / "mask.png"]
    code, out, _ = run(capsys, photo, *fast, *words)
    assert code == 0
    before, after = load_image(photo).rgb, load_image(Path(out.strip())).rgb
    assert torch.equal(after[..., 32:], before[..., 32:])
    assert not torch.equal(after[..., :32], before[..., :32])
