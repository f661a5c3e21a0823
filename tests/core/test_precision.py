"""Convolutions in 16 bits: their gradients are those of float32, and what is summed stays in float32."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.core.pretended import pretended
from tests.images import clouds, random_filters
from vidstyle.core.device import precision_on
from vidstyle.core.losses import Losses
from vidstyle.core.optimizers import loss_and_gradient
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import stylize_image
from vidstyle.errors import SettingsError
from vidstyle.settings.settings import Settings

AGREEMENT = 0.98  # cosine of the angle to the gradient in float32, at least
FILTERS = random_filters("conv5_1")
CONTENT, STYLE = clouds(32, 32), clouds(32, 32, seed=1, grain=3).round()


def model(**changes: Any) -> StyleModel:
    return StyleModel.of([STYLE], FILTERS, Settings(**changes), balance=0.3)


def gradient(image: Tensor, **changes: Any) -> Tensor:
    return loss_and_gradient(image, model(**changes).objective(CONTENT))[1]


def cosine(a: Tensor, b: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(a.flatten().double(), b.flatten().double(), dim=0))


LOSSES: list[dict[str, Any]] = [
    {},
    *({"style_loss": name} for name in ("covariance", "wasserstein2", "histogram", "sliced")),
    {"loss": "sums"},
    {"content_weight": 0.0, "style_layers": "conv1_1"},
    {"content_weight": 0.0, "style_layers": "conv5_1"},
    {"style_weight": 0.0, "content_layers": "conv4_2"},
]


@pytest.mark.parametrize(
    ("changes", "precision"),
    [*((changes, "bf16") for changes in LOSSES), (LOSSES[0], "fp16"), ({"loss": "sums"}, "fp16")],
)
def test_gradients_agree_with_those_of_float32(changes: dict[str, Any], precision: str) -> None:
    image = torch.lerp(CONTENT, STYLE, 0.3)
    found, exact = (gradient(image, precision=p, **changes) for p in (precision, "fp32"))
    assert cosine(found, exact) > AGREEMENT
    assert float(found.norm()) == pytest.approx(float(exact.norm()), rel=0.05)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_painting_in_16_bits_is_as_good(precision: str) -> None:
    small = {"style_layers": "conv1_1,conv2_1", "content_layers": "conv2_2", "steps": 6, "scales": 1}
    exact = model(precision="fp32", **small)
    start, *ends = (
        float(exact.objective(CONTENT)(image).total)
        for image in (
            CONTENT,
            *(stylize_image(model(precision=p, **small), CONTENT).image for p in ("fp32", precision)),
        )
    )
    assert ends[1] - ends[0] < 0.02 * (start - ends[0])


def test_activations_are_float32_in_any_precision() -> None:
    network = model(precision="bf16").network
    assert network.dtype == torch.bfloat16
    assert {found.dtype for found in network(CONTENT).values()} == {torch.float32}
    assert model().network.dtype == torch.float32  # auto, on the CPU


def test_another_precision_is_another_network() -> None:
    exact = model()
    assert exact.changed(settings=exact.settings.replace(precision="bf16")).network.dtype == torch.bfloat16
    assert exact.changed(settings=exact.settings.replace(steps=3)).network is exact.network


@given(st.floats(1e-12, 1e12), st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_the_gradient_does_not_depend_on_how_it_is_scaled_on_the_way(weight: float, side: int) -> None:
    image = torch.rand(3, side, side, generator=torch.Generator().manual_seed(side))
    _, found = loss_and_gradient(image, lambda x: Losses(variation=weight * x.square().mean()))
    expected = 2 * weight * image / 3
    assert torch.allclose(found, expected, rtol=1e-5, atol=0)


def test_a_loss_of_nothing_has_no_gradient() -> None:
    _, found = loss_and_gradient(CONTENT, lambda x: Losses(variation=0 * x.sum()))
    assert not found.any()


@pytest.mark.parametrize(
    ("device", "name", "found"),
    [
        *(("cpu", name, found) for name, found in (("auto", "fp32"), ("fp32", "fp32"), ("bf16", "bf16"))),
        *(("cuda", name, found) for name, found in (("auto", "bf16"), ("fp32", "fp32"), ("tf32", "tf32"))),
        *(("mps", name, found) for name, found in (("auto", "fp32"), ("fp16", "fp16"))),
    ],
)
def test_what_a_device_works_in(device: str, name: str, found: str) -> None:
    with pretended(device):
        assert precision_on(torch.device(device), name) == found


@pytest.mark.parametrize(("device", "name"), [("cpu", "tf32"), ("mps", "tf32"), ("mps", "bf16")])
def test_what_a_device_cannot_do_is_refused(device: str, name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        precision_on(torch.device(device), name)
    assert caught.value.code == "VS290"


@contextmanager
def flags_kept() -> Iterator[Any]:
    products = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [one.fp32_precision for one in products]
    yield products
    for one, kept in zip(products, before, strict=True):
        one.fp32_precision = kept


@pytest.mark.parametrize(("name", "products"), [("fp32", "ieee"), ("tf32", "tf32"), ("bf16", "tf32")])
def test_products_on_a_gpu_have_the_digits_of_the_precision(name: str, products: str) -> None:
    with flags_kept() as flags, pretended("cuda"):
        found = StyleModel.of([STYLE], FILTERS, Settings(precision=name), device="cuda", memory=1e12)
        assert {one.fp32_precision for one in flags} == {products}
        assert found.device.type == "cuda"
