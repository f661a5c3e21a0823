"""How large, and in how many steps, pictures can be painted at a wanted rate."""

import math
from dataclasses import dataclass

from vidstyle.media.sizes import Size

STEPS = 1  # of each picture, where the size can be chosen: larger paintings look better than further ones
MOST_STEPS = 8
SMALLEST_LONG_SIDE = 96  # pixels; smaller paintings show nothing
MARGIN = 0.85  # of the time there is, that is planned with
TOLERANCE = 1.35  # the factor between areas below which a size is kept
PATIENCE = 4  # pictures in a row that ask for another size before it changes
LEARNING = 0.3  # how much the latest picture tells about the next
STRIDE = 8  # sides of paintings are multiples of it


@dataclass(frozen=True)
class FrameBudget:
    """The `size` (height, width) of a painting and its `steps`."""

    size: Size
    steps: int

    @property
    def work(self) -> int:
        """Pixels times steps."""
        return self.size[0] * self.size[1] * self.steps


class Pace:
    """Finds the budget that takes `seconds` a picture, from what the last ones took.

    A painting is as large as `steps` of it leave time for, up to `largest`, where it takes more of them. It changes its
    size only where that is far off for a while; `fixed`: never. `cost` is the seconds of a step for each pixel.
    """

    def __init__(self, largest: Size, seconds: float, cost: float, *, fixed: bool = False) -> None:
        self.largest, self.seconds, self.fixed = largest, seconds, fixed
        self.cost, self.overhead = cost, 0.0
        self._unfit = 0
        self.size = largest if fixed else self._wanted_size()

    @property
    def budget(self) -> FrameBudget:
        """How the next picture is to be painted."""
        steps = self._budget / (self.size[0] * self.size[1])
        return FrameBudget(self.size, min(MOST_STEPS, max(1, math.floor(steps))))

    @property
    def _budget(self) -> float:
        """Pixels times steps that there is time for."""
        return max(0.0, MARGIN * self.seconds - self.overhead) / self.cost

    def took(self, budget: FrameBudget, painting: float, whole: float) -> None:
        """Tells that a picture took `painting` seconds of steps and `whole` seconds in all."""
        self.cost += LEARNING * (painting / budget.work - self.cost)
        self.overhead += LEARNING * (max(0.0, whole - painting) - self.overhead)
        wanted = self._wanted_size()
        ratio = (wanted[0] * wanted[1]) / (self.size[0] * self.size[1])
        self._unfit = self._unfit + 1 if max(ratio, 1 / ratio) > TOLERANCE else 0
        if self._unfit >= PATIENCE and not self.fixed:
            self.size, self._unfit = wanted, 0

    def _wanted_size(self) -> Size:
        height, width = self.largest
        longest = max(self.largest)
        area = self._budget / STEPS
        scale = min(1.0, max(SMALLEST_LONG_SIDE / longest, math.sqrt(area / (height * width))))
        return _strided(height * scale), _strided(width * scale)


def _strided(side: float) -> int:
    return max(STRIDE, STRIDE * round(side / STRIDE))
