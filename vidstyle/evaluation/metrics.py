"""What a painted video is worth, in figures: stability, style, content, work. Nothing here paints."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from vidstyle.core.calibration import structure
from vidstyle.core.color_transfer import gradient_energy
from vidstyle.core.flow import Motion, warp
from vidstyle.core.frame_style import Frame
from vidstyle.core.stylize_image import has_content
from vidstyle.evaluation.judge import Judge
from vidstyle.jobs.events import Work, far_off

STILL = 2 / 255  # of 0..1: a pixel of the source that changes less since its stillness began lies still
LONG_ENOUGH = 8  # frames that a pixel lies still before its flicker counts


def warp_error(painting: Tensor, earlier: Tensor, motion: Motion) -> float:
    """Mean squared difference, of values 0..1, from the earlier painting carried along the motion of the source.

    Both (3, H, W). Over pixels that are visible in both and off the edges of motion; nan where there are none.
    Lai et al. 2018 (arXiv 1808.00449), section 4.2, with the checks of Ruder et al. 2016.
    """
    sure = motion.confidence.to(painting) > 0.99
    return float((painting - warp(earlier, motion.flow)).square().mean(0)[sure].mean())


def flow_difference(painting: Tensor, earlier: Tensor, motion: Motion) -> float:
    """Mean L1 distance in pixels of the paintings' flow from the source's: tOF, Chu et al. 2018 (arXiv 1811.09393)."""
    gap = Motion.between(painting, earlier).flow - motion.flow
    return float(abs(gap).sum(-1).mean())


@dataclass(frozen=True)
class StillRuns:
    """Pixels of a video that lie still, followed frame by frame.

    A run begins where the source (3, H, W) leaves its `reference` by more than STILL, or moves. Of every run of at
    least LONG_ENOUGH frames count the standard deviation of the painting over time, and how far its last value lies
    from its first.
    """

    reference: Tensor
    first: Tensor
    last: Tensor
    count: Tensor  # (H, W) frames of the run
    mean: Tensor  # (3, H, W) of the painting over the run
    spread: Tensor  # (3, H, W) sum of squared differences from the mean
    closed: tuple[float, float, float] = (0.0, 0.0, 0.0)  # frames, and frames times deviation, drift, of ended runs

    @classmethod
    def at(cls, image: Tensor, painting: Tensor) -> "StillRuns":
        zeros = torch.zeros_like(painting)
        return cls(image, painting, painting, torch.ones(image.shape[1:]), painting, zeros)

    def after(self, image: Tensor, painting: Tensor, moved: Tensor) -> "StillRuns":
        """With one more frame of the source and its painting; `moved` (H, W), True or False: has motion."""
        still = ((image - self.reference).abs().amax(0) < STILL) & ~moved
        count = torch.where(still, self.count + 1, 1)
        gap = torch.where(still, painting - self.mean, 0)
        mean = torch.where(still, self.mean + gap / count, painting)
        spread = torch.where(still, self.spread + gap * (painting - mean), 0)
        reference = torch.where(still, self.reference, image)
        first = torch.where(still, self.first, painting)
        return StillRuns(reference, first, painting, count, mean, spread, self._sums(~still))

    def _sums(self, ended: Tensor) -> tuple[float, float, float]:
        """`closed` with the runs of the pixels `ended` (H, W)."""
        counted = ended & (self.count >= LONG_ENOUGH)
        frames = self.count[counted]
        deviation = (self.spread / self.count).clamp_min(0).sqrt().mean(0)[counted]
        drift = (self.last - self.first).mean(0)[counted]
        old_frames, old_deviation, old_drift = self.closed
        return (
            old_frames + float(frames.sum()),
            old_deviation + float((frames * deviation).sum()),
            old_drift + float((frames * drift).sum()),
        )

    def figures(self) -> tuple[float, float, float]:
        """Frames that a pixel lay still in such runs, flicker and drift in levels of 0 to 255; nan without any run."""
        frames, deviation, drift = self._sums(torch.ones_like(self.count, dtype=torch.bool))
        per_frame = 255 / frames if frames else float("nan")
        return frames / self.count.numel(), deviation * per_frame, drift * per_frame


LONG = 8  # frames between the two of a long-term pair
NOTHING = float("nan")
MEANS = (  # the figures of frames of which a video has the mean
    *("warp_error", "warp_error_over_energy", "long_warp_error", "long_warp_error_over_energy"),
    *("flow_difference", "structure", "content"),
)


@dataclass(frozen=True)
class FrameMeasures:
    """The figures of one painted frame; nan where there is nothing to compare with.

    `warp_error` and `long_warp_error` (LONG frames back) are mean squared differences of values 0..1; the same over
    `energy` cannot be won by blur. `style` is the relative Gram error by layer; `source_style` is that of the unpainted
    source. `content` is the relative error of the activations (nan where there is hardly anything to see), `structure`
    the local correlation with the source.
    """

    index: int
    seconds: float
    cut: bool
    energy: float
    warp_error: float
    long_warp_error: float
    flow_difference: float
    structure: float
    content: float
    style: Mapping[str, float]
    source_style: Mapping[str, float]
    work: Work | None = None

    @property
    def warp_error_over_energy(self) -> float:
        return self.warp_error / max(self.energy, 1e-12)

    @property
    def long_warp_error_over_energy(self) -> float:
        return self.long_warp_error / max(self.energy, 1e-12)

    def style_distance(self, layers: Sequence[str]) -> float:
        """Mean over `layers` of the style's error, against that of the unpainted source."""
        return fmean(self.style[k] for k in layers) / max(1e-12, fmean(self.source_style[k] for k in layers))


@dataclass(frozen=True)
class FilmMeasures:
    """The figures of a video: its frames', and those of its still pixels (see `StillRuns`), in levels of 0 to 255."""

    frames: tuple[FrameMeasures, ...]
    still: float  # share of the pixels, frame by frame, that lie still
    flicker: float
    drift: float


@dataclass(frozen=True)
class Judged:
    """A frame of the source, its painting, their figures, the motion since the frame before; `still` is up to here."""

    frame: Frame
    painting: Tensor
    measures: FrameMeasures
    motion: Motion | None
    still: StillRuns


def judged(pairs: Iterable[tuple[Frame, Tensor]], judge: Judge) -> Iterator[Judged]:
    """The figures of frame after frame, from frames of the source and their paintings (3, H, W) of the same size."""
    past: deque[tuple[Tensor, Tensor]] = deque(maxlen=LONG)  # the latest last
    still: StillRuns | None = None
    for frame, painting in pairs:
        if frame.cut:
            past.clear()
        motion = Motion.between(frame.image, past[-1][0]) if past else None
        moved = torch.ones(frame.image.shape[1:], dtype=torch.bool)  # what is before a cut is not the same place
        if motion:
            moved = motion.flow.any(-1)
        still = still.after(frame.image, painting, moved) if still else StillRuns.at(frame.image, painting)
        yield Judged(frame, painting, _measured(frame, painting, past, motion, judge), motion, still)
        past.append((frame.image, painting))


def _measured(
    frame: Frame, painting: Tensor, past: Sequence[tuple[Tensor, Tensor]], motion: Motion | None, judge: Judge
) -> FrameMeasures:
    image = frame.image
    short = long = flow = NOTHING
    if motion:
        earlier, earlier_painting = past[-1]
        short = warp_error(painting, earlier_painting, motion)
        flow = flow_difference(painting, earlier_painting, motion)
    if len(past) == LONG:
        earlier, earlier_painting = past[0]
        long = warp_error(painting, earlier_painting, Motion.between(image, earlier))
    comparison = judge.compare(painting, image, frame.look.shares)
    return FrameMeasures(
        index=frame.index,
        seconds=frame.seconds,
        cut=frame.cut,
        energy=gradient_energy(painting),
        warp_error=short,
        long_warp_error=long,
        flow_difference=flow,
        structure=structure(painting, image),
        content=comparison.content if has_content(image) else NOTHING,
        style=comparison.style,
        source_style=comparison.source_style,
    )


def film_measures(frames: Sequence[FrameMeasures], still: StillRuns) -> FilmMeasures:
    """The figures of a video from those of its frames, at least one, and from its still pixels at its end."""
    share, flicker, drift = still.figures()
    return FilmMeasures(tuple(frames), share / len(frames), flicker, drift)


def summary(film: FilmMeasures, optimised: Sequence[str], held_out: Sequence[str]) -> dict[str, float]:
    """The figures of a whole video, by name: means over the frames that have them, nan where none has.

    `optimised` and `held_out` are style layers, which the distances from the style are means over.
    """
    frames, work = film.frames, [frame.work for frame in film.frames if frame.work]
    means = {name: _mean(getattr(frame, name) for frame in frames) for name in MEANS}
    costs = {name: _mean(getattr(one, name) for one in work) for name in ("steps", "full_steps", "seconds")}
    distances = {
        name: _mean(frame.style_distance(layers) for frame in frames) if layers else NOTHING
        for name, layers in (("style_distance", optimised), ("held_out_style_distance", held_out))
    }
    return {
        "frames": len(frames),
        **means,
        "flicker": film.flicker,
        "drift": film.drift,
        **distances,
        **costs,
        "far_off": len(far_off([frame.content for frame in frames])),
        "memory": max((one.memory for one in work), default=NOTHING),
    }


def _mean(values: Iterator[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return fmean(known) if known else NOTHING
