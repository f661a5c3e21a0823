"""The parts of the method on their own."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.films import Ear
from tests.images import clouds, random_tensors
from tests.refusals import refused
from vidstyle.core.vgg import VGG19
from vidstyle.core.weights import save_filters
from vidstyle.errors import SinkError
from vidstyle.images import load_image, save_image
from vidstyle.settings.presets import FIGURE, RECONSTRUCTION, TEXTURE
from vidstyle.settings.settings import Settings
from vidstyle.studies.layer_figures import BLOCKS, SIDE, Axis, axes_of, gram_figure, layer_figure
from vidstyle.studies.reconstruct import reconstruct, texture
from vidstyle.video.montage import GAP


@pytest.fixture(scope="module")
def filters(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("filters") / "random.safetensors"
    save_filters(random_tensors("conv5_2"), file)
    return str(file)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    save_image(tmp_path / "lake.png", clouds(48, 64, seed=3))
    return tmp_path / "lake.png"


def image(path: Path) -> Tensor:
    return load_image(path).rgb


def psnr(a: Tensor, b: Tensor) -> float:
    return float(-10 * torch.log10((a - b).square().mean()))


def test_a_shallow_layer_keeps_nearly_all(lake: Path, filters: str) -> None:
    settings = Settings(**{**RECONSTRUCTION, "content_layers": "conv1_2", "weights": filters, "scales": 1})
    ear = Ear()
    found = reconstruct(lake, None, settings, listener=ear)
    assert found.files == (lake.with_name("lake_conv1_2.png"),)
    assert psnr(image(found.files[0]), image(lake)) > 25
    assert found.errors["conv1_2"] < 0.01
    assert found.summary.steps == 200
    assert len(ear.frames) == 1


def test_all_layers_are_a_folder_of_images(lake: Path, filters: str) -> None:
    settings = Settings(**{**RECONSTRUCTION, "weights": filters, "steps": 3, "scales": 1})
    found = reconstruct(lake, None, settings, all_layers=True)
    assert [file.name for file in found.files] == [f"{layer}.png" for layer in BLOCKS]
    assert set(found.errors) == set(BLOCKS)
    assert all(file.parent == lake.with_name("lake_layers") and file.exists() for file in found.files)


def test_the_start_is_noise_and_not_the_image(lake: Path, filters: str) -> None:
    settings = Settings(**{**RECONSTRUCTION, "weights": filters, "steps": 1, "scales": 1})
    assert psnr(image(reconstruct(lake, None, settings).files[0]), image(lake)) < 20


@pytest.mark.parametrize("size", [(40, 72), (96, 160)])
def test_a_texture_has_any_size(lake: Path, filters: str, size: tuple[int, int]) -> None:
    settings = Settings(**{**TEXTURE, "weights": filters, "style_layers": "conv1_1", "steps": 5, "scales": 2})
    (file,) = texture(lake, None, settings, size=size).files
    assert file == lake.with_name("lake_texture.png")
    assert image(file).shape[1:] == size


def seam(tile: Tensor) -> tuple[float, Tensor]:
    """The mean difference across the seam, and those between all neighbouring columns inside."""
    return float((tile[..., 0] - tile[..., -1]).abs().mean()), tile.diff(dim=-1).abs().mean((0, 1))


def test_a_tile_has_no_seam(tmp_path: Path, filters: str) -> None:
    save_image(tmp_path / "style.png", clouds(64, 64, seed=5, grain=6))
    base = {**TEXTURE, "weights": filters, "style_layers": "conv1_1,conv2_1", "steps": 30, "scales": 2}
    seams = {}
    for tile in (True, False):
        out = tmp_path / f"tile_{tile}.png"
        texture(tmp_path / "style.png", out, Settings(**base), size=(60, 70), tile=tile)
        found = image(out)
        assert found.shape[1:] == ((64, 80) if tile else (60, 70))
        across, inside = seam(found)
        turned, columns = seam(found.transpose(1, 2))
        seams[tile] = max((across - inside.mean()) / inside.std(), (turned - columns.mean()) / columns.std())
    assert seams[True] < 3 < seams[False]


def test_the_figure_has_content_above_and_textures_below(lake: Path, filters: str) -> None:
    settings = Settings(**{**FIGURE, "weights": filters, "steps": 1, "scales": 1, "size": "32"})
    ear = Ear()
    found = layer_figure(lake, [lake], None, settings, show=["gram", "features"], listener=ear)
    names = ["lake_layers.png", "lake_layers_gram.png", "lake_layers_features.png"]
    assert [file.name for file in found.files] == names
    assert len(ear.frames) == 10
    assert found.summary.frames == 10
    assert all(image(file).shape[2] > 6 * 32 for file in found.files)


def test_a_grid_has_a_cell_for_each_pair(lake: Path, filters: str, tmp_path: Path) -> None:
    styles = tmp_path / "styles"
    styles.mkdir()
    for seed in range(2):
        save_image(styles / f"s{seed}.png", clouds(40, 40, seed=seed))
    fast = {"weights": filters, "style_layers": "conv1_1", "content_layers": "conv1_2", "steps": 1, "scales": 1}
    ear = Ear()
    settings = Settings(**{**FIGURE, **fast, "size": "32"})
    found = layer_figure(lake, [styles], None, settings, grid="style:strength=0,1,0.5", listener=ear)
    assert found.files == (lake.with_name("lake_grid.png"),)
    assert len(ear.frames) == 6


def test_sides_of_a_grid() -> None:
    settings = Settings()
    assert axes_of("content:style", settings, ["monet"])[1] == Axis("style_weight", (0.25, 1.0, 4.0))
    assert axes_of("content:style", settings, ["monet", "wave"])[1] == Axis("style", ("monet", "wave"))
    layers, steps = axes_of("style-layers=conv1_1,conv1_1+conv3_1:steps=5,10", settings, [])
    assert layers == Axis("style_layers", ("conv1_1", "conv1_1,conv3_1"))
    assert steps == Axis("steps", (5, 10))


@pytest.mark.parametrize(
    ("grid", "code"),
    [
        ("strength", "VS258"),
        ("strength:strength", "VS259"),
        ("colour:strength", "VS260"),
        ("strength=much:size", "VS263"),
        ("strength=2:size", "VS244"),
        ("steps:size", "VS261"),
        ("loop=maybe:size", "VS262"),
    ],
)
def test_grids_that_cannot_be(grid: str, code: str) -> None:
    with refused(code):
        axes_of(grid, Settings(), [])


def test_gram_matrices_are_shown_for_each_image_and_layer() -> None:
    """Equal images alike, their strongest channels first; others not."""
    network = VGG19(random_tensors("conv2_1"), ["conv1_1", "conv2_1"], "avg")
    left = gram_figure(network, {"": clouds(20, 20)})
    both = gram_figure(network, {"a": clouds(20, 20), "b": clouds(20, 20), "c": clouds(20, 30, seed=1)})
    assert left.shape[2] == 2 * (SIDE + GAP) + GAP
    first, second, other = (both[:, -(n + 1) * (SIDE + GAP) :, -SIDE - GAP : -GAP][:, :SIDE] for n in (2, 1, 0))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    strength = first.mean(0).diagonal()
    assert strength[: SIDE // 4].mean() > strength[-SIDE // 4 :].mean()


@pytest.mark.parametrize("name", ["out.mp4", "lake.png", "nowhere/out.png"])
def test_outputs_that_cannot_be_written(lake: Path, name: str) -> None:
    with pytest.raises(SinkError):
        texture(lake, lake.parent / name)


def test_unknown_figures_are_refused(lake: Path) -> None:
    with refused("VS257", "maps", "gram", "features"):
        layer_figure(lake, [lake], show=["maps"])
