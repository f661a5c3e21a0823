"""Optical flow between two images, and what it is good for: warping, and knowing what can be seen in both."""

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vidstyle.core.frame_style import Frame
from vidstyle.core.pixels import to_array
from vidstyle.core.read_ahead import ReadAhead

Grey = npt.NDArray[np.uint8]  # (H, W)
Flow = npt.NDArray[np.float32]  # (H, W, 2): where a pixel came from, as an offset (x, y) in pixels
FlowEstimator = Callable[[Tensor, Tensor], Flow]  # of an image and an earlier one, both (3, H, W), 0..1

SMALLEST_SIDE = 12  # below, OpenCV's DIS raises
MASK_BLUR = 0.8  # pixels, standard deviation: confidence fades at its borders
ALIKE = 0.15  # of 0..1, blurred: what a place may change from one frame to the next and still be the same
ALIKE_BLUR = 1.5  # pixels, standard deviation
SAME = 3 / 255  # of 0..1: what a pixel may differ and still show the same
TAPS = 8  # pixels of a line that Lanczos's interpolation looks at
STILL = 0.1  # pixels; slower motion is rounded to none, so that still pixels are copied bit for bit


def dis(image: Tensor, earlier: Tensor) -> Flow:
    """Dense inverse search on grey images (Kroeger et al. 2016, arXiv 1603.03590) as OpenCV has it, preset fast."""
    return _dis(image, earlier, halvings=0)  # the preset ends at a quarter: its errors add up over a shot


def quick_dis(image: Tensor, earlier: Tensor) -> Flow:
    """As `dis`, but for half the size, in half the time."""
    return _dis(image, earlier, halvings=1)


def _dis(image: Tensor, earlier: Tensor, halvings: int) -> Flow:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    search.setFinestScale(halvings)
    return np.asarray(search.calc(_grey(image), _grey(earlier), None), np.float32)  # type: ignore[call-overload]


def farneback(image: Tensor, earlier: Tensor) -> Flow:
    """Farneback 2003, "Two-Frame Motion Estimation Based on Polynomial Expansion", on grey, as OpenCV has it."""
    shape = {"pyr_scale": 0.5, "levels": 4, "winsize": 21, "iterations": 3, "poly_n": 7, "poly_sigma": 1.5, "flags": 0}
    found = cv2.calcOpticalFlowFarneback(_grey(image), _grey(earlier), None, **shape)  # type: ignore[call-overload]
    return np.asarray(found, np.float32)


def no_flow(image: Tensor, earlier: Tensor) -> Flow:
    """Sees no motion."""
    return np.zeros((*image.shape[1:], 2), np.float32)


def optical_flow(image: Tensor, earlier: Tensor, estimate: FlowEstimator = dis) -> Flow:
    """Where each pixel of an image lies in an earlier one.

    Args:
        image: (3, H, W), RGB, 0..1.
        earlier: of the same size.
        estimate: one of the estimators here, or of `raft.flow_estimator`.

    Returns:
        Offsets (x, y) in pixels, (H, W, 2); none where a side is under SMALLEST_SIDE pixels.
    """
    small = min(image.shape[1:]) < SMALLEST_SIDE
    return no_flow(image, earlier) if small else estimate(image, earlier)


def warp(image: Tensor, flow: Tensor | Flow, interpolation: int = cv2.INTER_LANCZOS4) -> Tensor:
    """An image seen through a flow: the result at p is the image at p + flow(p).

    By default Lanczos interpolation over 8x8 pixels, because errors add up over the frames of a shot: OpenCV's bicubic
    kernel amplifies detail (1.5 times its energy after 24 shifts by half a pixel), the usual one blurs it (0.2 times);
    this keeps 0.77 times. Pixels without motion are copied bit for bit; beyond the border the image is extended by its
    edge.

    Args:
        image: (C, H, W), any range.
        flow: offsets (x, y) in pixels, (H, W, 2).
        interpolation: one of OpenCV's; where the image is not on the CPU only Lanczos's and the nearest pixel.

    Returns:
        (C, H, W), on the image's device; Lanczos may leave its range by a little.
    """
    offsets = torch.as_tensor(flow).to(image.device)
    height, width = offsets.shape[:2]
    x = torch.arange(width, device=image.device) + offsets[..., 0]
    y = torch.arange(height, device=image.device)[:, None] + offsets[..., 1]
    still = (offsets == 0).all(-1)
    if image.device.type == "cpu":
        planes = image.permute(1, 2, 0).contiguous().numpy()
        seen = cv2.remap(planes, x.numpy(), y.numpy(), interpolation, borderMode=cv2.BORDER_REPLICATE)
        warped = torch.from_numpy(seen.reshape(height, width, -1)).permute(2, 0, 1).to(image)
    else:
        warped = nearest(image, x, y) if interpolation == cv2.INTER_NEAREST else lanczos(image, x, y)
    return torch.where(still, image, warped)


def nearest(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """What OpenCV's INTER_NEAREST sees of an image (C, H, W) at `x` and `y`, (h, w), beyond its border its edge."""
    (height, width), (row, column) = image.shape[1:], (at.round().long() for at in (y, x))
    return image.flatten(1)[:, row.clamp(0, height - 1) * width + column.clamp(0, width - 1)]


def lanczos(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """What OpenCV's INTER_LANCZOS4 sees of an image (C, H, W) at `x` and `y`, (h, w); places are not rounded."""
    (columns, across), (rows, down) = _taps(x, image.shape[2]), _taps(y, image.shape[1])
    flat, total = image.flatten(1), image.new_zeros(len(image), *x.shape)
    for row, share in zip(rows, down, strict=True):
        total += share * (flat[:, row * image.shape[2] + columns] * across).sum(1)
    return total


def _taps(at: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Of the TAPS pixels of a line around each place, where they are and what they count, each (TAPS, h, w)."""
    around = torch.arange(1 - TAPS // 2, TAPS // 2 + 1, device=at.device).view(-1, 1, 1) + at.floor()
    apart = at - around
    counts = torch.sinc(apart) * torch.sinc(apart / (TAPS // 2))
    return around.long().clamp(0, length - 1), counts / counts.sum(0)


@dataclass(frozen=True)
class Motion:
    """How an image relates to an earlier one.

    `flow` leads from each pixel to its place there, motion under STILL pixels left out; `visible` (H, W), True or
    False: it can be seen there, and looks alike; `confidence` (H, W), 0..1: the same, and the flow is sure of the
    place, which it is not along the edges of motion.
    """

    flow: Tensor
    visible: Tensor
    confidence: Tensor

    @classmethod
    def between(cls, image: Tensor, earlier: Tensor, estimate: FlowEstimator = dis) -> "Motion":
        """The motion from `earlier` to `image`, both (3, H, W), 0..1.

        Without a flow (`no_flow`), places are sure where the images agree.
        """
        found = optical_flow(image, earlier, estimate)
        flow = _without_jitter(found)
        if estimate is no_flow:
            visible = torch.ones(image.shape[1:], dtype=torch.bool)
            sure = (image - earlier).abs().amax(0) < SAME
        else:
            back = _without_jitter(optical_flow(earlier, image, estimate))
            visible = _off_edges(visibility(flow, back) & _alike(image, warp(earlier, flow, cv2.INTER_LINEAR)))
            sure = visible & ~motion_boundaries(found)  # leaving out jitter makes edges of its own
        confidence = cv2.GaussianBlur(sure.numpy().astype(np.float32), (0, 0), MASK_BLUR)
        return cls(torch.from_numpy(flow), visible, torch.from_numpy(confidence))

    def on(self, device: torch.device) -> "Motion":
        """The same on a device."""
        return Motion(self.flow.to(device), self.visible.to(device), self.confidence.to(device))


def visibility(flow: Flow, back: Flow) -> Tensor:
    """Which pixels can be seen in both images.

    Sundaram et al. 2010, equation 5 (as Ruder et al. 2016, section 4.2, use it): a pixel counts as hidden where the
    round trip does not end near its start. Pixels that come from outside of the earlier image count as hidden too.

    Args:
        flow: from the image to the earlier one, (H, W, 2), pixels.
        back: from the earlier image to this one, (H, W, 2), pixels.

    Returns:
        (H, W), True or False.
    """
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    there_x, there_y = x + flow[..., 0], y + flow[..., 1]
    seen = cv2.remap(back, there_x, there_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    returned = np.asarray(seen, np.float32)
    gap = _squared_length(flow + returned)
    allowed = 0.01 * (_squared_length(flow) + _squared_length(returned)) + 0.5
    inside = (there_x >= 0) & (there_x <= width - 1) & (there_y >= 0) & (there_y <= height - 1)
    return torch.from_numpy((gap < allowed) & inside)


def motion_boundaries(flow: Flow) -> Tensor:
    """Where motion changes so fast that its place is unsure: (H, W), True or False.

    Sundaram et al. 2010, equation 6: |grad u|^2 + |grad v|^2 > 0.01 |flow|^2 + 0.002, by central differences.
    """
    if min(flow.shape[:2]) < 2:
        return torch.zeros(flow.shape[:2], dtype=torch.bool)
    slope = sum(np.square(np.gradient(flow[..., part], axis=axis)) for part in (0, 1) for axis in (0, 1))
    return torch.from_numpy(np.asarray(slope > 0.01 * _squared_length(flow) + 0.002))


def _squared_length(flow: Flow) -> npt.NDArray[np.float32]:
    """Of each vector, (H, W); numpy's sums along so short an axis are slow."""
    return np.asarray(flow[..., 0] ** 2 + flow[..., 1] ** 2, np.float32)


def _without_jitter(flow: Flow) -> Flow:
    """The flow with motion slower than STILL set to none."""
    return np.where(_squared_length(flow)[..., None] < STILL**2, np.float32(0), flow)


def _off_edges(visible: Tensor) -> Tensor:
    """`visible` (H, W) but for pixels next to hidden areas of more than single pixels.

    There the flow often carries the painting of the thing in front to what lies behind it, where it would stay.
    """
    hidden, pair = (~visible).numpy().astype(np.uint8), np.ones((2, 2), np.uint8)
    areas = cv2.dilate(cv2.erode(hidden, pair, anchor=(0, 0)), pair, anchor=(1, 1))
    return visible & torch.from_numpy(cv2.dilate(areas, np.ones((3, 3), np.uint8)) == 0)


def _alike(image: Tensor, carried: Tensor) -> Tensor:
    """Where two images show the same: a flow that was led astray may well lead back, but to another thing."""
    gap = (image - carried).permute(1, 2, 0).contiguous().cpu().numpy()
    return torch.from_numpy(np.abs(cv2.GaussianBlur(gap, (0, 0), ALIKE_BLUR)).max(-1) < ALIKE)


def _grey(image: Tensor) -> Grey:
    return np.asarray(cv2.cvtColor(to_array(image), cv2.COLOR_RGB2GRAY), np.uint8)


@dataclass(frozen=True)
class Tracked:
    """A frame and its motion since frames before it, by how many frames back; none for a shot's first frame."""

    frame: Frame
    motions: Mapping[int, Motion]

    def on(self, device: torch.device) -> "Tracked":
        """The same with its motion on a device."""
        return Tracked(self.frame, {back: motion.on(device) for back, motion in self.motions.items()})


def tracked(
    frames: Iterable[Frame], look_backs: Sequence[int], estimate: FlowEstimator, before: Sequence[Tensor] = ()
) -> Generator[Tracked, None, None]:
    """The frames with their motion since the frames that lie `look_backs` before them.

    `before` are images (3, H, W) of the same shot from before the first frame, the latest first. A shot begins at a
    frame that is marked as a cut, and where the size changes.
    """
    further = quick_dis if estimate is dis else estimate  # that paint only fills gaps: its errors do not add up
    past: deque[Tensor] = deque(before, maxlen=max(look_backs))  # the latest first
    for frame in frames:
        if frame.cut or (past and frame.content.shape != past[0].shape):
            past.clear()
        backs = {back: further if back > 1 else estimate for back in look_backs if back <= len(past)}
        motions = {back: Motion.between(frame.content, past[back - 1], by) for back, by in backs.items()}
        yield Tracked(frame, motions)
        past.appendleft(frame.content)


@contextlib.contextmanager
def found_ahead(found: Generator[Tracked, None, None], device: torch.device) -> Iterator[Iterable[Tracked]]:
    """The frames with their motion on the `device`, looked for in a thread while that paints.

    Where the CPU paints, they are looked for in turn: two that share its cores both wait.
    """
    with contextlib.closing(found if device.type == "cpu" else ReadAhead(lambda _: found)) as frames:
        yield (one.on(device) for one in frames)
