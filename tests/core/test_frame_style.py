"""How a painting looks where styles are blended, masked, changed or kept from the colours."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.images import clouds, random_filters, stripes
from vidstyle.core.color_transfer import LUMINANCE, palettes_for, with_luminance
from vidstyle.core.frame_style import PLAIN, FrameStyle
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import Step, finish, stylize_image
from vidstyle.settings.settings import Settings

SMALL = Settings(style_layers="conv1_1,conv2_1", content_layers="conv2_1", steps=8, scales=2, size="64")
FILTERS = random_filters("conv2_1")
CONTENT = clouds(48, 64, seed=3)
RED = torch.tensor([0.8, 0.1, 0.1]).view(3, 1, 1) * (0.6 + 0.4 * stripes(40, 40))
BLUE = torch.tensor([0.1, 0.1, 0.8]).view(3, 1, 1) * (0.6 + 0.4 * clouds(40, 40, seed=9, grain=2))
LEFT = torch.zeros(1, 48, 64)
LEFT[..., :32] = 1


def model(*styles: Tensor, **changes: object) -> StyleModel:
    settings = SMALL.replace(**changes)
    palettes = palettes_for(settings.keep_colors, [CONTENT], styles)
    return StyleModel.of(styles, FILTERS, settings, balance=0.02, palettes=palettes)


def painted(p: StyleModel, look: FrameStyle = PLAIN) -> Tensor:
    return stylize_image(p, CONTENT, look=look).image


def redness(image: Tensor) -> float:
    return float((image[0] - image[2]).mean())


def test_a_blend_lies_between_its_styles() -> None:
    p = model(RED, BLUE)
    red, most, half, blue = (redness(painted(p, FrameStyle((s, 1 - s)))) for s in (1.0, 0.7, 0.5, 0.0))
    assert red > most > half > blue
    assert torch.equal(painted(p, FrameStyle((0.5, 0.5))), painted(p))


def test_all_of_one_style_is_that_style_alone() -> None:
    together, alone = model(RED, BLUE), model(RED)
    alone = replace(alone, features=replace(alone.features, colours=together.features.colours))  # those of both styles
    assert torch.allclose(painted(together, FrameStyle((1.0, 0.0))), painted(alone), atol=1e-5)


def test_each_style_is_painted_in_its_place() -> None:
    image = painted(model(RED, BLUE), FrameStyle(places=torch.cat([LEFT, 1 - LEFT])))
    assert redness(image[..., :28]) > 0.2 > -0.2 > redness(image[..., 36:])


def test_outside_of_the_mask_all_is_as_it_was() -> None:
    image = painted(model(RED), FrameStyle(mask=LEFT))
    assert torch.equal(image[..., 32:], CONTENT[..., 32:])
    assert redness(image[..., :32]) > redness(CONTENT[..., :32]) + 0.1


def test_paint_fades_where_a_mask_is_grey() -> None:
    half = FrameStyle(mask=torch.full((1, 48, 64), 0.5))
    painting = clouds(48, 64, seed=8)
    assert torch.allclose(finish(model(RED), painting, CONTENT, CONTENT, half), (painting + CONTENT) / 2)


def test_a_mask_of_nothing_paints_nothing() -> None:
    assert torch.equal(painted(model(RED), FrameStyle(mask=torch.zeros(1, 48, 64))), CONTENT)


def test_gram_matrices_are_of_the_masked_part() -> None:
    """The style's loss of an image that has the style in the mask, and anything elsewhere, is small."""
    wide = model(RED).changed(settings=SMALL.replace(style_scale=0.1))
    content = torch.cat([RED[:, :32], clouds(32, 40, seed=5)], -1)
    mask = torch.zeros(1, 32, 80)
    mask[..., :40] = 1
    inside, outside = (
        float(wide.objective(content, look=FrameStyle(mask=m))(content).style) / float(m.mean())
        for m in (mask, 1 - mask)
    )
    assert inside < 0.5 * outside


def test_steps_are_told_as_they_will_be_seen() -> None:
    seen: list[Step] = []
    stylize_image(model(RED), CONTENT, seen.append, look=FrameStyle(mask=LEFT))
    assert torch.allclose(seen[-1].image[..., 34:], CONTENT[..., 34:])


def chroma(image: Tensor) -> Tensor:
    """Differences from luminance, by another matrix than the model's: of YCbCr, ITU-R BT.601."""
    to_chroma = torch.tensor([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return torch.einsum("dc,chw->dhw", to_chroma, image)


def test_kept_colours_are_the_images_own() -> None:
    image = painted(model(RED, keep_colors="luminance"))
    assert torch.allclose(chroma(image), chroma(CONTENT), atol=1e-5)
    luminance = torch.tensor(LUMINANCE)
    apart = torch.einsum("c,chw->hw", luminance, image - CONTENT).abs().mean()
    assert float(apart) > 0.02


def test_colours_that_are_kept_stay_within_the_range() -> None:
    vivid = torch.tensor([1.0, 0.0, 0.3]).view(3, 1, 1).expand(3, 8, 8)
    seen = with_luminance(vivid, torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert ((seen >= 0) & (seen <= 1)).all()
    assert torch.allclose(chroma(seen), chroma(vivid), atol=1e-6)


def test_matched_styles_have_the_contents_colours() -> None:
    p = model(RED, keep_colors="match")
    (style,) = p.features.styles
    assert torch.allclose(style.mean((1, 2)), CONTENT.mean((1, 2)), atol=0.05)
    assert abs(redness(painted(p)) - redness(CONTENT)) < 0.1 < redness(painted(model(RED))) - redness(CONTENT)


def test_larger_strokes() -> None:
    """The finer the strokes, the more neighbours differ."""
    style = clouds(96, 96, seed=4, grain=2)
    fine, coarse = (painted(model(style, style_scale=scale, steps=25)) for scale in (0.4, 2.0))

    def roughness(image: Tensor) -> float:
        return float(image.diff(dim=-1).square().mean() / image.var())

    assert roughness(fine) > 1.1 * roughness(coarse)


def test_the_balance_of_a_strength_lies_between_those_that_were_found() -> None:
    p = model(RED).changed(balances=((0.2, 1.0), (0.8, 0.01)))
    found = [p.balance_for(FrameStyle(strength=s)) for s in (0.0, 0.2, 0.5, 0.8, 1.0)]
    assert found == pytest.approx([1.0, 1.0, 0.1, 0.01, 0.01])


@pytest.mark.parametrize("style_loss", ["covariance", "wasserstein2", "histogram"])
def test_every_style_loss_paints_in_its_own_way(style_loss: str) -> None:
    seen: list[float] = []
    p = model(RED, style_loss=style_loss, scales=1)
    image = stylize_image(p, CONTENT, lambda step: seen.append(float(step.losses.style))).image
    assert seen[-1] < 0.7 * seen[0]
    assert not torch.allclose(image, painted(model(RED, scales=1)), atol=1e-3)
    assert math.isfinite(seen[-1])


def test_each_style_layer_has_its_part_and_a_weight_of_nought_no_cost() -> None:
    whole = model(RED, style_layers="conv1_1=1,conv2_1=0.5")
    losses = whole.objective(CONTENT)(CONTENT).numbers()
    assert losses.style == pytest.approx(sum(losses.style_layers.values()))
    assert set(losses.style_layers) == {"conv1_1", "conv2_1"}
    one = model(RED, style_layers="conv1_1=1,conv2_1=0", content_layers="conv1_2")
    assert set(one.objective(CONTENT)(CONTENT).style_layers) == {"conv1_1"}
    assert "conv2_1" not in one.network.convolutions
    images = [painted(model(RED, style_layers=layer, steps=25)) for layer in ("conv1_1", "conv2_1")]
    assert float((images[0] - images[1]).abs().mean()) > 0.02


def test_changes_of_looks_are_seen_where_they_are() -> None:
    assert FrameStyle((1.0, 0.0)).changed_since(FrameStyle((0.9, 0.1))) is True
    assert PLAIN.changed_since(PLAIN) is False
    changed = FrameStyle(mask=LEFT).changed_since(FrameStyle(mask=LEFT.roll(4, -1)))
    assert isinstance(changed, Tensor)
    assert changed[:, :4].all()
    assert changed[:, 32:36].all()
    assert changed.float().mean() == pytest.approx(8 / 64)
