"""The exposure of each frame against the others of its shot, so that fades and flashes are not painted as shapes.

A frame of a fade, a flash or of a camera that adjusts itself shows the scene of its shot times a gain, plus an offset,
for each channel of RGB. The scene is painted as if evenly exposed, and its painting then gets the frame's gain
and offset back. The restoration of old videos removes flicker by such a fit (Decenciere 1997; van Roosmalen et al.
1999). A frame that shows nothing, such as a black or a white one, is painted as the nearest of its shot that does.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.core.color_transfer import LUMINANCE
from vidstyle.core.frame_style import DARK, EVEN, RGB, Exposure, Frame, lightness
from vidstyle.core.stylize_image import FLAT

Array = NDArray[np.float32]
Bars = tuple[int, int, int, int]

THUMBNAIL = 24  # pixels of the long side that frames are compared at
FAINTEST = 0.12  # gain below which a frame shows too little of its scene to be painted from
SAME_SCENE = 0.9  # correlation of two frames, apart from their exposure, from which on they show the same scene
EXPLAINED = 0.5  # of the difference of two frames, that a change of exposure leaves at most
UNSURE = 0.03  # of a gain, or an offset of 0..1: about so much is no change
REACH = 2  # pixels of a thumbnail that a scene is looked for at
REPRESENTED = 0.5  # of the contrast of a scene, that the pixels which agree have at least
FORGOTTEN = 0.2  # of an exposure, from a frame to the next where scenes cannot be compared
BLACK = 0.06  # luminance, of 0..1, that bars have at most
BAR_PIXELS = 2  # rows or columns that a bar has at least
WHITE = 0.9  # what the brightest hundredth of a dark scene is brought to before it is painted


@dataclass(frozen=True)
class Scenes:
    """The shots of a video, and the exposures of its frames.

    `cuts` are the positions of the frames that open shots. `exposures` are those of the frames that are not EVEN, and
    `shows` names for each frame that shows nothing the one that shows its scene; both by position. `bars` are the rows
    and columns of black bars: at the top, the bottom, the left and the right.
    """

    cuts: tuple[int, ...] = ()
    exposures: Mapping[int, Exposure] = field(default_factory=dict)
    shows: Mapping[int, int] = field(default_factory=dict)
    bars: Bars = (0, 0, 0, 0)

    @classmethod
    def of_json(cls, found: Mapping[str, Any], frames: int, size: tuple[int, int]) -> "Scenes":
        """Of a video of so many frames of `size`, from what `dataclasses.asdict` and JSON made of it; ValueError,
        KeyError or TypeError for what cannot be."""
        cuts = tuple(int(cut) for cut in found["cuts"])
        exposures = {int(at): Exposure.of_json(one) for at, one in found["exposures"].items()}
        shows = {int(at): int(other) for at, other in found["shows"].items()}
        top, bottom, left, right = (int(side) for side in found["bars"])
        ordered = list(cuts) == sorted(set(cuts)) and all(0 < cut < frames for cut in cuts)
        inside = all(0 <= at < frames for at in (*exposures, *shows, *shows.values()))
        painted = all(min(exposures.get(at, EVEN).gain) > 0 for at in range(frames) if at not in shows)
        fits = min(top, bottom, left, right) >= 0 and top + bottom < size[0] and left + right < size[1]
        if not (ordered and inside and painted and fits):
            raise ValueError("scenes that cannot be")
        return cls(cuts, exposures, shows, (top, bottom, left, right))

    def evened(self, frames: Iterable[Frame], read: Callable[[int], Tensor], start: int = 0) -> Iterator[Frame]:
        """The frames, which begin at position `start`, evenly exposed; `read` gives the image (3, H, W) of another."""
        shown: tuple[int, Tensor | None] = (-1, None)
        for position, frame in enumerate(frames, start):
            at = self.shows.get(position, position)
            exposure = self.exposures.get(at, EVEN)
            if at != shown[0] or shown[1] is None:
                image = frame.image if at == position else read(at)
                shown = at, image if exposure is EVEN else exposure.evened(image)
            yield frame if shown[1] is frame.image else replace(frame, even=shown[1])

    def in_image(self, image: Tensor) -> Tensor:
        """`image` (..., H, W) without the bars."""
        top, bottom, left, right = self.bars
        height, width = image.shape[-2:]
        return image[..., top : height - bottom, left : width - right]


ONE_SHOT = Scenes()


def thumbnail(image: Tensor) -> Array:
    """`image` (3, H, W) as (h, w, 3), the long side THUMBNAIL pixels."""
    _, height, width = image.shape
    scale = THUMBNAIL / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    planes = image.permute(1, 2, 0).contiguous().numpy()
    return np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.float32)


def luminance(thumbnails: Array) -> Array:
    return np.asarray(thumbnails.astype(np.float32) @ np.asarray(LUMINANCE, np.float32), np.float32)


def find_scenes(thumbnails: Sequence[Array], contrasts: Sequence[float], cuts: Iterable[int]) -> Scenes:
    """The scenes of a video, and how each of its frames is exposed.

    A cut at which only the exposure changes does not count. Between two scenes that a frame without contrast separates,
    there is a cut.

    Args:
        thumbnails: of all frames, each (h, w, 3), RGB, 0..1 (`thumbnail`).
        contrasts: of all frames, the standard deviation of luminance, 0..1.
        cuts: positions of the frames that seem to open a shot.
    """
    seen = [index for index, one in enumerate(contrasts) if one >= 2 * FLAT]
    cuts = _judged_cuts(thumbnails, seen, sorted(cuts))
    exposures: dict[int, Exposure] = {}
    shows: dict[int, int] = {}
    for start, stop in itertools.pairwise((0, *cuts, len(thumbnails))):
        shot = [index for index in seen if start <= index < stop]
        if not shot:
            continue
        found = _with_darkness(_exposures(thumbnails, shot), thumbnails)
        clear = [index for index in shot if min(found[index].gain) >= FAINTEST]
        for index in range(start, stop):
            if index not in clear:
                shows[index] = min(clear, key=lambda other: abs(other - index))
                shown, colour = found[shows[index]], thumbnails[index].mean((0, 1))
                nothing = replace(shown, gain=(0.0, 0.0, 0.0), offset=_rgb(colour))
                found.setdefault(index, nothing)
        exposures.update({index: one for index, one in found.items() if one != EVEN})
    return Scenes(tuple(cuts), exposures, shows)


def find_bars(light: Tensor, most: Sequence[int] | None = None) -> Bars:
    """The black bars of a video by the highest luminance (H, W) that each pixel ever has, at `most` so many rows and
    columns.

    Bars lie on opposite sides, are about alike, and end along the whole side at once, which black places in an image
    do not.
    """
    dark = (light < BLACK).numpy()
    top, bottom, left, right = (*_bars_along(dark), *_bars_along(dark.T))
    return (top, bottom, left, right) if most is None else _least((top, bottom, left, right), most)


def _least(bars: Bars, most: Sequence[int]) -> Bars:
    top, bottom, left, right = map(min, bars, most)
    return top, bottom, left, right


def _bars_along(dark: NDArray[np.bool_]) -> tuple[int, int]:
    """How many rows are dark at the start and at the end, if they are bars."""
    black = np.asarray(dark.all(1))
    if black.all():
        return 0, 0
    first, last = int(np.argmin(black)), int(np.argmin(black[::-1]))
    ends = float(dark[[first, len(dark) - 1 - last]].mean(1).max()) < 0.5
    alike = abs(first - last) <= BAR_PIXELS + max(first, last) // 8
    return (first, last) if ends and alike and min(first, last) >= BAR_PIXELS else (0, 0)


def scenes_of_image(image: Tensor) -> Scenes:
    """A single image (3, H, W) as a video of one frame: dark, or not."""
    found = of_dark_scene(EVEN, luminance(thumbnail(image)))
    return Scenes(exposures={} if found == EVEN else {0: found})


def _judged_cuts(thumbnails: Sequence[Array], seen: Sequence[int], cuts: Sequence[int]) -> list[int]:
    """The cuts between frames that show something."""
    judged = []
    for before, after in itertools.pairwise(seen):
        between = [cut for cut in cuts if before < cut <= after]
        hidden = after - before > 1
        if not (between or hidden):
            continue
        fit = _Fit.of(thumbnails[before], thumbnails[after])
        if fit.correlation >= SAME_SCENE and (hidden or fit.explains):
            continue
        judged.append(between[0] if between and not hidden else (before + 1 + after) // 2)
    return judged


def _exposures(thumbnails: Sequence[Array], shot: Sequence[int]) -> dict[int, Exposure]:
    """Those of the frames of a shot that show something, against the one with the most contrast."""
    best = max(range(len(shot)), key=lambda at: float(luminance(thumbnails[shot[at]]).std()))
    found = {shot[best]: EVEN}
    for way in (shot[best + 1 :], shot[:best][::-1]):
        key = last = thumbnails[shot[best]]
        exposure = EVEN
        for index in way:
            fit = _Fit.of(key, thumbnails[index])
            if fit.correlation < SAME_SCENE:
                key, fit = last, _Fit.of(last, thumbnails[index])
            exposure = fit.exposure if fit.correlation >= SAME_SCENE else _nearer_even(exposure)
            if min(exposure.gain) >= FAINTEST:
                last = np.asarray((thumbnails[index] - exposure.offset) / np.asarray(exposure.gain), np.float32)
            found[index] = exposure
    return found


def _with_darkness(exposures: dict[int, Exposure], thumbnails: Sequence[Array]) -> dict[int, Exposure]:
    """The same, with the brightness of the scene where it is a dark one."""
    clear = [index for index, one in exposures.items() if one == EVEN]
    light = luminance(np.stack([thumbnails[index] for index in clear]))
    return {index: of_dark_scene(one, light) for index, one in exposures.items()}


def of_dark_scene(exposure: Exposure, light: Array) -> Exposure:
    """`exposure` with the brightness of a scene of luminance `light`, if it is a dark one."""
    mean = float(light.mean())
    if mean >= DARK:
        return exposure
    lift = min(1.0, max(1 / 255, float(np.quantile(light, 0.99))) / WHITE) ** (1 - lightness(mean))
    return replace(exposure, lift=lift, brightness=mean)


def _nearer_even(exposure: Exposure) -> Exposure:
    gain = _rgb(np.asarray(exposure.gain, np.float32) ** (1 - FORGOTTEN))
    return replace(exposure, gain=gain, offset=_rgb(np.asarray(exposure.offset, np.float32) * (1 - FORGOTTEN)))


@dataclass(frozen=True)
class _Fit:
    """How a frame lies to another: the correlation of their luminance, the change of exposure, whether that explains
    most of their difference."""

    correlation: float
    exposure: Exposure
    explains: bool

    @classmethod
    def of(cls, scene: Array, frame: Array) -> "_Fit":
        """For thumbnails (h, w, 3) of the same size, with a small shift between them."""
        scene, frame, correlation = _aligned(np.asarray(scene, np.float32), np.asarray(frame, np.float32))
        if correlation < SAME_SCENE:
            return cls(correlation, EVEN, False)
        kept = np.ones(len(scene), bool)
        for _ in range(3):
            gain, offset = _line(scene[kept], frame[kept])
            left = np.abs(frame - gain * scene - offset).max(-1)
            kept = left <= max(3 * float(np.median(left)), 1 / 255)
        if luminance(scene[kept]).std() < REPRESENTED * luminance(scene).std():
            return cls(correlation, EVEN, False)
        left_over = float(np.square(frame - gain * scene - offset)[kept].mean())
        explains = left_over < EXPLAINED**2 * float(np.square(frame - scene)[kept].mean())
        return cls(correlation, _sure(gain, offset) if explains else EVEN, explains)


def _line(scene: Array, frame: Array) -> tuple[Array, Array]:
    """Gain and offset (3,) of pixels (n, 3), by their spreads, which a small shift leaves alone, as it does not a
    regression. A channel without contrast follows the luminance."""
    light, light_of_frame = luminance(scene), luminance(frame)
    common = float(light_of_frame.std() / max(float(light.std()), 1e-6))
    spread = (frame.std(0) + FLAT * common) / (scene.std(0) + FLAT)
    return np.asarray(spread, np.float32), np.asarray(frame.mean(0) - spread * scene.mean(0), np.float32)


def _sure(gain: Array, offset: Array) -> Exposure:
    """An exposure without what is about as small as errors are."""
    change, shift = np.log(np.maximum(gain, 1e-3)), offset + (gain - 1) / 2
    size = float(max(np.abs(change).max(), np.abs(shift).max(), 1e-9))
    share = size**2 / (size**2 + UNSURE**2)
    return Exposure(_rgb(1 + share * (gain - 1)), _rgb(share * offset)) if size > UNSURE / 2 else EVEN


def _aligned(scene: Array, frame: Array) -> tuple[Array, Array, float]:
    """Pixels (n, 3) of both at the shift of at most REACH at which their luminance agrees best, and how well."""
    height, width = scene.shape[:2]
    best: tuple[float, int, int] = (-1.0, 0, 0)
    light, light_of_frame = luminance(scene), luminance(frame)
    for dy, dx in _SHIFTS:
        if height > 4 * abs(dy) and width > 4 * abs(dx):
            a, b = _overlap(light, dy, dx), _overlap(light_of_frame, -dy, -dx)
            best = max(best, (_correlation(a, b) - 1e-4 * math.hypot(dy, dx), dy, dx))
    correlation, dy, dx = best
    return _overlap(scene, dy, dx).reshape(-1, 3), _overlap(frame, -dy, -dx).reshape(-1, 3), correlation


_SHIFTS = list(itertools.product(range(-REACH, REACH + 1), repeat=2))


def _overlap(image: Array, dy: int, dx: int) -> Array:
    """The part of `image` that one shifted against it by (dy, dx) has too."""
    height, width = image.shape[:2]
    return image[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]


def _correlation(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(1e-9, float(np.sqrt(np.square(a).sum() * np.square(b).sum()))))


def _rgb(values: Array) -> RGB:
    red, green, blue = (round(float(value), 5) for value in values)
    return red, green, blue
