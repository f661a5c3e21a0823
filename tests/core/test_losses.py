import pytest
import torch
from torch import Tensor

from tests.images import clouds, random_tensors
from vidstyle.core.losses import (
    ContentTargets,
    LossForm,
    Objective,
    Region,
    StyleTargets,
    content_weights,
    prominence,
    temporal_loss,
    total_variation,
)
from vidstyle.core.style_statistics import gram_matrix, statistic_of
from vidstyle.core.vgg import VGG19

STYLE = {"conv1_1": 0.5, "conv2_1": 0.5}
CONTENT = {"conv2_1": 1.0}
NETWORK = VGG19(random_tensors("conv2_1"), [*STYLE, *CONTENT], "avg")


def targets_of(style: Tensor, form: LossForm = "relative") -> StyleTargets:
    return StyleTargets.of(NETWORK, style, tuple(STYLE), statistic_of(form, "gram"))


def objective(form: LossForm, tv_weight: float = 0.0) -> Objective:
    return Objective(
        network=NETWORK,
        regions=[Region(targets_of(clouds(20, 24, seed=1), form))],
        statistic=statistic_of(form, "gram"),
        content=ContentTargets.of(NETWORK, clouds(20, 24, seed=2), tuple(CONTENT), form),
        style_layers=STYLE,
        content_layers=CONTENT,
        style_weight=2.0,
        content_weight=3.0,
        tv_weight=tv_weight,
    )


def test_gram_matrix_is_the_mean_of_products_over_positions() -> None:
    activations = torch.randn(1, 3, 4, 5)
    expected = torch.zeros(3, 3)
    for i in range(3):
        for j in range(3):
            expected[i, j] = (activations[0, i] * activations[0, j]).sum() / 20
    assert torch.allclose(gram_matrix(activations), expected, atol=1e-6)


def test_gram_matrix_has_the_right_gradient() -> None:
    activations = torch.randn(1, 3, 4, 5, requires_grad=True)
    uneven = torch.randn(3, 3)  # not symmetric: both halves of the product rule count
    (ours,) = torch.autograd.grad((gram_matrix(activations) * uneven).sum(), activations)
    flat = activations[0].reshape(3, -1)
    (theirs,) = torch.autograd.grad((flat @ flat.T / 20 * uneven).sum(), activations)
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_total_variation_of_a_step() -> None:
    image = torch.zeros(3, 4, 5)
    image[:, :, 2:] = 0.5  # three channels, four rows, one step of 0.5
    assert float(total_variation(image)) == pytest.approx(3 * 4 * 0.25 / 60)


def test_a_flat_image_has_a_content_loss_of_one() -> None:
    target = torch.randn(1, 2, 6, 6) + 5
    flat = target.mean((2, 3), keepdim=True)
    assert float((content_weights(target) * (flat - target).square()).sum()) == pytest.approx(1)


def test_prominence_is_high_at_an_edge_and_low_where_nothing_is() -> None:
    target = torch.zeros(1, 2, 12, 20)
    target[..., 10:] = 1
    found = prominence(target)
    assert found.shape == (1, 1, 12, 20)
    assert float(found[..., 8:12].min()) > 0.5
    assert float(found[..., :7].max()) < 1e-6
    assert float(found[..., 13:].max()) < 1e-6


def test_prominence_is_even_in_an_image_without_any_shape() -> None:
    assert torch.equal(prominence(torch.zeros(1, 3, 4, 4)), torch.ones(1, 1, 4, 4))


def responses_of(image: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        return {name: r[0].flatten(1) for name, r in NETWORK(image).items()}  # (C, M)


def prominence_by_hand(activations: Tensor) -> Tensor:
    """(C, h, w) to (h, w), position by position."""
    height, width = activations.shape[1:]
    variance = torch.empty(height, width)
    for y in range(height):
        for x in range(width):
            window = activations[:, max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].flatten(1)
            variance[y, x] = window.var(1, correction=0).sum()
    return variance / (variance + variance.mean())


def test_relative_losses_equal_their_formulas() -> None:
    image = clouds(20, 24, seed=3)
    f, p, s = (responses_of(x) for x in (image, clouds(20, 24, seed=2), clouds(20, 24, seed=1)))
    target, weights = p["conv2_1"], prominence_by_hand(p["conv2_1"].view(-1, 10, 12)).flatten()
    energy = (weights * (target - target.mean(1, True)) ** 2).sum()
    content = 3 * (weights * (f["conv2_1"] - target) ** 2).sum() / energy
    style = 0.0
    for layer in STYLE:
        g, a = (x[layer] @ x[layer].T / x[layer].shape[1] for x in (f, s))
        style += 2 * 0.5 * float(((g - a) ** 2).sum() / (a**2).sum())
    losses = objective("relative")(image).numbers()
    assert losses.content == pytest.approx(float(content), rel=1e-4)
    assert losses.style == pytest.approx(style, rel=1e-4)


def test_sums_of_squares_equal_the_articles_formulas() -> None:
    """Gatys et al. 2015, equations 1, 4 and 5, with sums over positions written out."""
    image = clouds(20, 24, seed=3)
    f, p, s = (responses_of(x) for x in (image, clouds(20, 24, seed=2), clouds(20, 24, seed=1)))
    content = 3 * 0.5 * ((f["conv2_1"] - p["conv2_1"]) ** 2).sum()
    style = 0.0
    for layer in STYLE:
        n, m = f[layer].shape
        g, a = f[layer] @ f[layer].T, s[layer] @ s[layer].T
        style += 2 * 0.5 * float(((g - a) ** 2).sum()) / (4 * n**2 * m**2)
    losses = objective("sums")(image).numbers()
    assert losses.content == pytest.approx(float(content), rel=1e-4)
    assert losses.style == pytest.approx(style, rel=1e-4)


@pytest.mark.parametrize("form", ["relative", "sums"])
def test_the_gradient_of_the_whole_loss_equals_finite_differences(form: LossForm) -> None:
    goal = objective(form, tv_weight=5.0)
    image = clouds(20, 24, seed=4).requires_grad_()
    (gradient,) = torch.autograd.grad(torch.as_tensor(goal(image).total), image)
    # Along the gradient: the largest change, so rounding matters least.
    direction, step = gradient / gradient.norm(), 3e-2
    with torch.no_grad():
        rise = float(goal(image + step * direction).total) - float(goal(image - step * direction).total)
    assert rise / (2 * step) == pytest.approx(float(gradient.norm()), rel=2e-2)


def test_an_image_matches_itself() -> None:
    content, style = clouds(20, 24, seed=2), clouds(20, 24, seed=1)
    goal = objective("relative")
    assert float(goal(content).content) == pytest.approx(0, abs=1e-8)
    assert float(goal(style).style) == pytest.approx(0, abs=1e-8)


def test_styles_are_blended_by_their_shares() -> None:
    a, b = (targets_of(clouds(20, 24, seed=s)) for s in (1, 2))
    both = StyleTargets.blended([a, b], (0.25, 0.75))
    for layer in STYLE:
        assert torch.allclose(both.summaries[layer], 0.25 * a.summaries[layer] + 0.75 * b.summaries[layer])


def test_temporal_loss_counts_what_is_visible_and_has_its_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    image, target = (torch.rand(3, 5, 7, generator=generator, dtype=torch.float64) for _ in range(2))
    weights = (torch.rand(1, 5, 7, generator=generator, dtype=torch.float64) > 0.5).double()
    by_hand = sum(
        float(weights[0, y, x]) * float(image[c, y, x] - target[c, y, x]) ** 2
        for c in range(3)
        for y in range(5)
        for x in range(7)
    )
    assert float(temporal_loss(image, target, weights)) == pytest.approx(by_hand / 105)
    leaf = image.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: temporal_loss(x, target, weights), leaf)
    temporal_loss(leaf, target, weights).backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    assert (leaf.grad[:, weights[0] > 0] != 0).all()
    assert (leaf.grad[:, weights[0] == 0] == 0).all()
