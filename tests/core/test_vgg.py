import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torchvision.models.vgg import cfgs, make_layers

from tests.images import clouds, random_tensors
from tests.refusals import refused
from vidstyle.core.vgg import IMAGENET_MEAN, IMAGENET_STD, VGG19
from vidstyle.settings.layers import LAYERS, block_of, filter_shape, layer_name, layers_up_to, state_key

FILTERS = random_tensors()


def test_names_keys_and_shapes_are_those_of_torchvision() -> None:
    theirs = {name: tuple(p.shape) for name, p in make_layers(cfgs["E"]).named_parameters() if "weight" in name}
    assert {f"{state_key(layer)[9:]}.weight": filter_shape(layer) for layer in LAYERS} == theirs


def test_other_spellings_are_understood() -> None:
    assert layer_name(" ReLU4_2 ") == "conv4_2"


@pytest.mark.parametrize(
    ("wrong", "hint"), [("conv4_7", "conv4_"), ("conv6_1", "conv"), ("fc7", "conv1_1 ... conv5_4")]
)
def test_an_unknown_layer_gets_a_hint(wrong: str, hint: str) -> None:
    with refused("VS233", wrong, hint):
        layer_name(wrong)


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_activations_equal_torchvisions_network(pooling: str) -> None:
    """Away from the border, which the first layer continues by its edge instead of by black."""
    theirs = make_layers(cfgs["E"]).eval()
    theirs.load_state_dict({key.removeprefix("features."): value for key, value in FILTERS.items()})
    if pooling == "avg":
        theirs = torch.nn.Sequential(
            *(torch.nn.AvgPool2d(2) if isinstance(m, torch.nn.MaxPool2d) else m for m in theirs)
        )
    image = clouds(64, 64)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    x = ((image - mean) / std)[None]
    ours = VGG19(FILTERS, ["conv2_2", "conv3_1"], pooling)(image)  # type: ignore[arg-type]
    with torch.no_grad():
        expected = theirs[: int(state_key("conv3_1")[9:]) + 2](x)
    assert torch.allclose(ours["conv3_1"][..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4], atol=1e-4)


def test_the_network_ends_at_the_deepest_layer_asked_for() -> None:
    network = VGG19(FILTERS, ["conv1_1", "conv3_1"])
    assert tuple(network.convolutions) == layers_up_to("conv3_1")
    assert set(network(clouds(32, 32))) == {"conv1_1", "conv3_1"}


def test_no_gradient_of_a_filter_is_computed() -> None:
    network = VGG19(FILTERS, ["conv2_1"])
    image = clouds(32, 32).requires_grad_()
    network(image)["conv2_1"].sum().backward()
    assert image.grad is not None
    assert all(not p.requires_grad and p.grad is None for p in network.parameters())


@settings(max_examples=20, deadline=None)
@given(st.integers(16, 70), st.integers(16, 70))
def test_any_size_gives_whole_responses(height: int, width: int) -> None:
    for layer, activation in VGG19(FILTERS, ["conv1_1", "conv3_1"])(clouds(height, width)).items():
        stride = 2 ** (block_of(layer) - 1)
        assert activation.shape[2] * stride >= height > (activation.shape[2] - 4) * stride
        assert torch.isfinite(activation).all()


@pytest.mark.parametrize("size", [(64, 64), (61, 75)])
def test_a_flat_image_shows_no_border_at_the_first_layer(size: tuple[int, int]) -> None:
    activation = VGG19(FILTERS, ["conv1_1"])(torch.full((3, *size), 0.3))["conv1_1"]
    assert torch.allclose(activation, activation[..., :1, :1].expand_as(activation), atol=1e-5)


@pytest.mark.parametrize("size", [(61, 75), (64, 80)])
def test_every_pixel_of_the_border_gets_a_gradient_like_the_inside(size: tuple[int, int]) -> None:
    """Pixels that a pooling drops would never be painted."""
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0)).requires_grad_()
    activation = VGG19(FILTERS, ["conv5_1"])(image)["conv5_1"]
    F.mse_loss(activation, torch.zeros_like(activation)).backward()
    assert image.grad is not None
    strength = image.grad.abs().mean(0)
    inside = strength[8:-8, 8:-8].mean()
    for border in (strength[0], strength[-1], strength[:, 0], strength[:, -1]):
        assert 0.2 < float(border.mean() / inside) < 5


def test_missing_filters_are_named() -> None:
    with refused("VS709", "conv3_1", "features.10.weight"):
        VGG19(random_tensors("conv2_2"), ["conv3_1"])


def test_filters_of_another_shape_are_refused() -> None:
    wrong = FILTERS | {"features.0.weight": torch.zeros(64, 1, 3, 3)}
    with refused("VS710", "conv1_1", "64", "3"):
        VGG19(wrong, ["conv1_1"])


def test_an_image_that_wraps_has_no_border() -> None:
    """Moved on the torus by a whole position of the deepest layer, its activations move with it."""
    network = VGG19(random_tensors("conv3_1"), ["conv1_1", "conv3_1"], "avg")
    image = clouds(32, 48, seed=2)
    before, after = (network(x, wraps=True) for x in (image, image.roll((4, 8), (1, 2))))
    assert torch.allclose(after["conv3_1"], before["conv3_1"].roll((1, 2), (2, 3)), atol=1e-4)
    assert torch.allclose(after["conv1_1"], before["conv1_1"].roll((4, 8), (2, 3)), atol=1e-5)
    assert before["conv3_1"].shape == network(image)["conv3_1"].shape
