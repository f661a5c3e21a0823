"""What a frame takes over from those before it, where that ends, and how firmly it is held: formulas, no network.

`propagate` carries what is known of the painting along the motion, `temporal_weights` says how firmly each pixel is
held to it, `Stillness` which pixels are not painted at all. The loss that takes these weights is
`losses.temporal_loss`; `stylize_video` paints.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.blur import blurred
from vidstyle.core.device import widest_type
from vidstyle.core.flow import Motion, warp
from vidstyle.core.frame_style import PLAIN, Frame, FrameStyle
from vidstyle.core.sizes import Size, resize
from vidstyle.core.stylize_image import Painted

BLUR = 1.5  # pixels, standard deviation: the noise of cameras and codecs is no change
WAKES, SLEEPS = 3 / 255, 1.5 / 255  # change of any channel, of 0..1, that ends stillness, and that begins it


@dataclass(frozen=True)
class Stillness:
    """What was seen of the source so far.

    `reference` (3, H, W) is the blurred input of each pixel when it was last painted, so that slow fades add up;
    `awake` (H, W), True or False: it was changing in the last frame.
    """

    reference: Tensor
    awake: Tensor

    @classmethod
    def at(cls, image: Tensor) -> "Stillness":
        """At a shot's first frame (3, H, W): everything was just painted."""
        return cls(blurred(image, BLUR), torch.ones(image.shape[1:], dtype=torch.bool, device=image.device))

    def after(self, image: Tensor, unsettled: Tensor) -> tuple["Stillness", Tensor]:
        """The stillness after the next frame (3, H, W), and which pixels are free: (H, W), the others are held.

        `unsettled` (H, W), True or False: pixels to be painted though they lie still.
        """
        now = blurred(image, BLUR)
        change = (now - self.reference).abs().amax(0)
        awake = change > torch.where(self.awake, SLEEPS, WAKES)
        free = awake | unsettled
        reference = torch.where(free, now, self.reference)
        return Stillness(reference, awake), free


SETTLING = 16  # frames over which uncovered pixels are painted freely, before they are held like others
UNSETTLED = SETTLING // 2  # the age of paint that is to look otherwise: half as firm, and not held
NEW = 0.05  # share of pixels that were lately uncovered, from which on no loss of a frame is low enough
FULL_EFFORT = 0.6  # share of free pixels from which on a frame is given all its steps
MOST_EFFORT = 2.5  # times the steps of a following frame, at most
NEW_EFFORT = 1.5  # of these, where all is new or content is far off
CALM = 1.4  # effort, below which a frame may do without steps: hardly anything is new
LOST_CONTENT = 1.5  # times the content loss of a shot's first frame, from which on the next takes more steps
LOST = 0.3  # share of pixels that earlier paint is known of, below which a frame is painted like a first one
UNSETTLED_MOBILITY = 4.0  # how far uncovered pixels, and paint that is not firm, move for a gradient; settled ones: 1
STALE = 0.05  # of 0..1, blurred: change of what paint shows, at which it is half out of date
SHOWN_BLUR = 2.0  # pixels, standard deviation, of that change
REPAIRED = 0.25  # share of a change that paint out of date is given in each frame
FIRM = 0.9  # share, 0..1, below which paint is not settled
RENEWED = 0.05  # how far a frame's steps bring paint to what it shows
RESTLESS = 0.025  # repaired share, above which paint is painted on though it lies still
FRESH = 4  # frames since it became visible, in which a large area is given coarse strokes first
PATCH = 0.08  # of the long side: the size from which on such an area is large
SKETCHED = 0.02  # share of pixels in large new areas, from which on there are coarse strokes


@dataclass(frozen=True)
class PaintedFrame:
    """A frame of the source and its painting."""

    frame: Frame
    painted: Painted


@dataclass(frozen=True)
class ShotState:
    """What the frames of a shot hand to the next.

    `paintings` are the last ones, the latest first, as many as are looked back at, and `contents` what they were
    painted of; `last` is all of the latest; `age` (1, H, W) counts the frames since a pixel was uncovered, up to
    SETTLING. `shown` (3, H, W) is what of the source each pixel was painted for: paint that the flow leads astray comes
    to lie on other things. `level` and `content` are losses of the shot's first frame; no loss is below the level once
    the `look` changes. `pull` is how strongly the second one's pulled (`gradient_scale`); all three stay. `waited`
    counts the last frames that took no steps.
    """

    paintings: tuple[Tensor, ...]
    contents: tuple[Tensor, ...]
    last: Painted
    stillness: Stillness
    age: Tensor
    shown: Tensor
    level: float
    content: float
    pull: float | None = None
    look: FrameStyle = PLAIN
    waited: int = 0

    @classmethod
    def of_opener(cls, frame: Frame, painted: Painted) -> "ShotState":
        """What a shot's first frame hands on."""
        age = torch.full_like(painted.image[:1], SETTLING if painted.steps else 0)
        losses = float(painted.losses.spatial), float(painted.losses.content)
        shown = frame.content.to(painted.image.device)
        still = Stillness.at(shown)
        return cls((painted.image,), (frame.content,), painted, still, age, shown, *losses, look=frame.look)

    def resized(self, size: Size) -> "ShotState":
        """For frames of another (height, width)."""
        still = self.stillness
        awake = F.interpolate(still.awake[None, None].float(), size)[0, 0] > 0
        return replace(
            self,
            paintings=tuple(resize(painting, size) for painting in self.paintings),
            contents=tuple(resize(content, size) for content in self.contents),
            last=replace(self.last, image=resize(self.last.image, size)),
            stillness=Stillness(resize(still.reference, size), awake),
            age=F.interpolate(self.age[None], size)[0],
            shown=resize(self.shown, size),
        )

    def after(self, frame: Frame, painted: Painted, length: int, **changes: Any) -> "ShotState":
        """With one more frame; `length` paintings are kept. The age is that of this frame."""
        age = (changes.pop("age") + 1).clamp(max=SETTLING)
        paintings = (painted.image, *self.paintings)[:length]
        contents = (frame.content, *self.contents)[:length]
        changes = {"waited": 0, **changes}
        return replace(self, paintings=paintings, contents=contents, last=painted, age=age, look=frame.look, **changes)

    def moved(self, frame: Frame, image: Tensor, length: int, **changes: Any) -> "ShotState":
        """With one more frame whose painting (3, H, W) is the last one, moved along: what changed is yet to be painted.

        `length` and `changes` as in `after`.
        """
        painted = replace(self.last, image=image, steps=0, seconds=0.0, full_steps=0.0)
        return self.after(frame, painted, length, waited=self.waited + 1, **changes)


@dataclass(frozen=True)
class Linked:
    """A frame, what it hands to the next one, and whether it opens a shot."""

    frame: Frame
    state: ShotState
    opens: bool

    @property
    def painted_frame(self) -> PaintedFrame:
        return PaintedFrame(self.frame, self.state.last)

    def repainted(self, image: Tensor) -> "Linked":
        """With another painting (3, H, W)."""
        last = replace(self.state.last, image=image.to(self.state.last.image.device))
        return replace(self, state=replace(self.state, last=last, paintings=(last.image,)))


@dataclass(frozen=True)
class Carried:
    """What is known of the painting at each pixel of a new frame, before it is painted; planes are (1, H, W).

    `age` counts frames up to SETTLING, as in `ShotState`; `shown` (3, H, W) is what the painting was made for; `change`
    (3, H, W) is how the frame differs from that, and `stale`, 0..1, how far the painting is outdated. `repaired` is the
    share of the change that it is given now. `style_changed`, True or False, of any shape that fits: where it is to
    look otherwise.
    """

    age: Tensor
    shown: Tensor
    change: Tensor
    stale: Tensor
    repaired: Tensor
    style_changed: Tensor

    @property
    def settled(self) -> Tensor:
        """How settled the painting is, 0..1: age / SETTLING * (1 - stale)."""
        return self.age / SETTLING * (1 - self.stale)

    def unsettled(self, motion: Motion) -> Tensor:
        """Pixels (H, W), True or False, to be painted though the source lies still there."""
        return (self.age[0] < SETTLING) | (motion.flow != 0).any(-1) | (self.repaired[0] > RESTLESS)

    def renewed(self, content: Tensor, free: Tensor | None = None) -> Tensor:
        """`shown` after the frame: nearer to its `content` where its painting was repaired, or `free` and painted."""
        share = self.repaired if free is None else torch.maximum(self.repaired, RENEWED * free.float())
        return self.shown + share * (content - self.shown)


def propagate(state: ShotState, frame: Frame, content: Tensor, motion: Motion, hidden: Tensor) -> Carried:
    """Carries what is known of the painting along the motion to a frame.

    Args:
        state: what the frame before handed on.
        frame: the new one.
        content: what it shows, (3, H, W), where it is painted; so are all others but the frame itself.
        motion: since the frame before.
        hidden: the age of paint that frame does not show, 0..1 of SETTLING: 1 where other paint is known, 0 where there
            is none.
    """
    age = torch.where(motion.visible, warp(state.age, motion.flow, cv2.INTER_NEAREST), SETTLING * hidden)
    style_changed = torch.as_tensor(frame.look.changed_since(state.look))
    age = torch.where(style_changed.to(age.device), age.clamp(max=UNSETTLED), age)
    shown = torch.where(motion.visible, warp(state.shown, motion.flow), content)
    change, stale = staleness(shown, content)
    # A video of few frames that are shown twice is painted once, unless much of its painting is out of date.
    again = torch.equal(frame.content, state.contents[0]) and float(stale.mean()) < LOST
    repaired = torch.zeros_like(stale) if again else REPAIRED * stale
    return Carried(age, shown, change, stale, repaired, style_changed)


@dataclass(frozen=True)
class TemporalWeights:
    """Of each pixel, (1, H, W): what a squared difference from the carried paint counts, and how far it moves."""

    stiffness: Tensor
    mobility: Tensor


def temporal_weights(
    settled: Tensor, confidence: Tensor, free: Tensor, pull: float, stability: float
) -> TemporalWeights:
    """The weights of the temporal loss, c in mean(c (x - warped)^2) of Ruder et al. 2016, equation 7.

    There c is 1 where the flow can be trusted. Here it is `confidence` times how `settled` the painting is, both 0..1,
    times what holds a pixel within `stability` levels of 0 to 255 against the `pull` of the rest of the loss
    (`gradient_scale`). Pixels that are not `free` (True or False) do not move; those that are not settled move up to
    UNSETTLED_MOBILITY times as far as others.
    """
    stiffness = confidence * settled * (255 * pull / (2 * stability))
    return TemporalWeights(stiffness, free * (UNSETTLED_MOBILITY + (1 - UNSETTLED_MOBILITY) * settled))


def frame_effort(state: ShotState, carried: Carried, free: Tensor) -> tuple[float, float]:
    """The loss at which a frame's steps end, and its steps as a share of ``Settings.frame_steps``, at most MOST_EFFORT.

    They end at the level of the shot's first frame, but where a part is new or to look otherwise: a good loss of the
    rest may hide that it is bare. Fewer pixels that move take fewer steps; new ones, and a frame before that lost its
    content, take up to NEW_EFFORT times as many on top.
    """
    settled = carried.settled
    shares = (settled < FIRM).float().mean(), free.float().mean(), (1 - settled).mean()
    unfirm, moving, unsettled = torch.stack(shares).tolist()
    level = state.level if unfirm < NEW and not carried.style_changed.all() else -math.inf
    effort = min(1.0, moving / FULL_EFFORT)
    effort += NEW_EFFORT * max(unsettled, float(state.last.losses.content) > LOST_CONTENT * state.content)
    return level, min(MOST_EFFORT, effort)


@dataclass(frozen=True)
class WarpedPaint:
    """The painting (3, H, W) of earlier frames where a new one shows it, its confidence, and where there is any."""

    paint: Tensor
    confidence: Tensor
    known: Tensor

    @property
    def share(self) -> float:
        """How much of the image there is any paint for, 0..1."""
        return float(self.known.float().mean())

    @classmethod
    def of(cls, paintings: Sequence[Tensor], motions: Mapping[int, Motion]) -> "WarpedPaint":
        """From paintings, the latest first, and the motion since some of them, by frames back.

        Every pixel takes the closest that shows it (Ruder et al. 2016, equation 10, for masks of 0 and 1).
        """
        nothing = torch.zeros(paintings[0].shape[1:], dtype=torch.bool, device=paintings[0].device)
        found = cls(torch.zeros_like(paintings[0]), torch.zeros_like(paintings[0][0]), nothing)
        for back, motion in sorted(motions.items()):
            if back > len(paintings):
                break
            new = motion.visible & ~found.known
            if back == 1 or new.any():
                paint = torch.where(new, warp(paintings[back - 1], motion.flow).clamp(0, 1), found.paint)
                found = cls(paint, torch.where(new, motion.confidence, found.confidence), found.known | motion.visible)
        return found


def uncovered_filled(warped: Tensor, content: Tensor, visible: Tensor) -> Tensor:
    """`warped` (3, H, W) with the content in the painting's colours where the last frame showed nothing.

    The colours: the affine map of RGB that fits content to painting best over the `visible` (H, W) pixels; the
    content's own where hardly any are visible.
    """
    source = torch.cat([content, torch.ones_like(content[:1])])
    exact = widest_type(content.device)
    seen, painted = (visible * source).flatten(1).to(exact), (visible * warped).flatten(1).to(exact)
    products = (seen @ torch.cat([seen, painted]).T).cpu().double()  # (4, 7)
    if (count := float(products[3, 3])) < 16:
        return torch.where(visible, warped, content)
    regular = 1e-3 * count * torch.eye(4, dtype=products.dtype)
    fit = torch.linalg.solve(products[:, :4] + regular, products[:, 4:])  # (4, 3)
    coloured = torch.einsum("cd,chw->dhw", fit.to(content), source).clamp(0, 1)
    return torch.where(visible, warped, coloured)


def bare_places(fresh: Tensor) -> Tensor:
    """How far pixels lie in a large area of fresh paint, (1, H, W), 0..1: none where less than half of a patch is.

    `fresh` (1, H, W), 0..1.
    """
    reach = round(PATCH * max(fresh.shape[1:]) / 2)
    share = F.avg_pool2d(fresh[None], 2 * reach + 1, 1, reach, count_include_pad=False)[0]
    return (4 * share - 2).clamp(0, 1)


def staleness(shown: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
    """How the `content` (3, H, W) differs from what its painting was made for, and how far that paint is out of date.

    The change is `content` less `shown`, blurred, (3, H, W); the share, (1, H, W), 0..1, is 1/2 where it is STALE.
    """
    change = blurred(content - shown, SHOWN_BLUR)
    size = change.abs().amax(0, keepdim=True)
    return change, size.square() / (size.square() + STALE**2)
