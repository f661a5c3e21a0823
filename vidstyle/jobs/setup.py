"""What a job needs before it paints: an outline for those who wait, filters, and the balance."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from vidstyle.core.calibration import calibrated
from vidstyle.core.device import check_memory, free_memory, select_device
from vidstyle.core.raft import prepare_flow
from vidstyle.core.sizes import Size
from vidstyle.core.stylize_image import Painter
from vidstyle.core.weights import load_filters
from vidstyle.images import load_image
from vidstyle.jobs.estimate import estimate, seconds_per_pixel
from vidstyle.jobs.events import Listener, Outline
from vidstyle.jobs.prescan import Prescan, painting_size, run_prescan, with_bars_at
from vidstyle.jobs.spec import Job
from vidstyle.video.reader import Source


def outline_film(job: Job, source: Source, frames: int, shots: int) -> Outline:
    """What a job of a film is about to do, with estimates for its size and for the source's own."""
    return _outline(job, source.info.size, frames, shots, float(source.info.rate))


def outline_images(job: Job, sizes: Sequence[Size]) -> Outline:
    """What a job of images of `sizes` is about to do; the largest stands for all."""
    largest = max(sizes, key=lambda size: size[0] * size[1])
    return _outline(job, largest, len(sizes), len(sizes), None)


def _outline(job: Job, source_size: Size, frames: int, shots: int, rate: float | None) -> Outline:
    pace = seconds_per_pixel(job.settings, device_here(job))
    size = painting_size(source_size, job.settings, device_of(job))
    if not (job.no_limits or job.cluster_options):
        check_memory(size, free_memory(device_here(job)))
    here, full = (estimate(job.settings, s, shots, frames, pace) for s in (size, source_size))
    return Outline(job, source_size, size, frames, shots, rate, here, full)


def device_of(job: Job) -> torch.device:
    """What paints a job: here, or on the machines of its cluster, which are believed to have it."""
    if job.cluster_options:
        return torch.device("cuda" if job.cluster_options.gpus else "cpu")
    return select_device(job.device)


def device_here(job: Job) -> torch.device:
    """What prepares a job on this machine, which need not have what the machines of its cluster have."""
    device = device_of(job)
    return device if device.type != "cuda" or torch.cuda.is_available() else torch.device("cpu")


def load_styles(job: Job) -> list[Tensor]:
    return [load_image(path, job.limits).rgb for path in job.styles]


def load_start(job: Job) -> Tensor | None:
    """The image that paintings start from, where the settings name one."""
    init_file = job.settings.init_file
    return load_image(init_file, job.limits).rgb if init_file else None


def make_painter(job: Job, contents: Sequence[Tensor], listener: Listener) -> Painter:
    """The painter of a job, its filters loaded, or learned from the styles and `contents`; not yet balanced."""
    styles = load_styles(job)
    filters = load_filters(
        job.settings.weights,
        job.settings.layers,
        teachers=lambda: [*styles, *contents],
        seed=job.settings.seed,
        on_progress=listener.working,
    )
    return Painter(styles, filters, job.settings, device=device_here(job), init_image=load_start(job))


def balanced(painter: Painter, contents: Sequence[Tensor], listener: Listener) -> Painter:
    """`painter` with the balance for `contents`."""
    return calibrated(painter, contents, lambda done, count: listener.working("finding the balance", done, count))


def ready_for_film(job: Job, source: Source, listener: Listener) -> tuple[Prescan, Painter]:
    """What a first look at the film found, and the painter for it; sets `source` to the painting's size."""
    prescan = run_prescan(source, listener)
    outline = outline_film(job, source, prescan.frames, prescan.shots)
    listener.started(outline)
    prepare_flow(job.settings.flow, listener.working)
    painter = balanced(make_painter(job, prescan.samples, listener), prescan.samples, listener)
    source.size = outline.size
    return replace(prescan, scenes=with_bars_at(prescan, source)), painter
