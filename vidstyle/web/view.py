"""What the page shows, as HTML. What comes from files and people is escaped."""

import base64
import contextlib
import math
import re
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from vidstyle.errors import JobError, VidstyleError
from vidstyle.settings.settings import Settings
from vidstyle.web import job_folder
from vidstyle.web.facts import Facts
from vidstyle.web.form import AT_HAND, PRESET_NAMES, in_words_of_the_page, label_of, restored, value_in_words
from vidstyle.web.job_folder import BEFORE, FIRST_LOOK, LATEST, Status, Ticket
from vidstyle.web.job_store import JobStore, JobView

CURVE = (300, 60)  # width and height, pixels

Row = tuple[str, str, str, str, str]  # name, title, state, time and image of a job

_FILES = ("BEFORE", "FIRST_LOOK", "LATEST", "MAKING", "REPORT", "BEFORE_VIDEO", "AFTER_VIDEO")
_CODE = re.compile(r" \[(VS\d+)\]$")
_TEMPLATES = Environment(
    loader=PackageLoader("vidstyle.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["words"] = in_words_of_the_page
_TEMPLATES.filters["code"] = lambda line: "".join(_CODE.findall(line))
_TEMPLATES.filters["uncoded"] = lambda line: _CODE.sub("", line)
_TEMPLATES.globals |= {name: getattr(job_folder, name) for name in _FILES} | {"CURVE": CURVE}


def shown(store: JobStore, name: str) -> JobView | str:
    """A job as it is now, or why there is none of that name; nothing where none is named."""
    try:
        return store.view(name) if name else ""
    except JobError as error:
        return error.line


def rows_of(store: JobStore, names: Sequence[object]) -> list[Row]:
    """What the list shows of the jobs that are still there, the newest first. Other things are no names."""
    rows: list[Row] = []
    for name in reversed(names):
        with contextlib.suppress(JobError):
            job = store.view(name)
            when = time.strftime("%H:%M", time.localtime(job.ticket.made_at))
            image = next((f"{file}?{job.files[file]}" for file in (LATEST, BEFORE) if file in job.files), "")
            rows.append((job.name, job.ticket.title, job.status.state, when, image))
    return rows


def job_html(job: JobView | str) -> str:
    """What `shown` gives, with the settings, and the losses as a curve."""
    if isinstance(job, str):
        return _TEMPLATES.get_template("job.html").render(job=job)
    settings = settings_rows(job.ticket)
    return _TEMPLATES.get_template("job.html").render(job=job, settings=settings, points=curve(job.status.losses))


def settings_rows(ticket: Ticket) -> list[tuple[str, str]]:
    """What a job was asked for: the page's label of each part and its value."""
    preset, values = restored(ticket.settings)
    plain = asdict(Settings())
    moved = {name: value for name, value in values.items() if name in AT_HAND or value != plain[name]}
    part = f"from {ticket.start:g} s to {'the end' if ticket.end is None else f'{ticket.end:g} s'}"
    return [
        ("Source", ticket.names[0]),
        ("Styles", ", ".join(ticket.names[1:])),
        ("Quality", next(label for label, name in PRESET_NAMES if name == preset)),
        *([("Part", part)] if ticket.start or ticket.end is not None else []),
        *((label_of(name), value_in_words(name, value)) for name, value in moved.items()),
    ]


def message_html(error: VidstyleError, field: str = "") -> str:
    """An error in the page's words, about the field of this id; different each time, so that it is shown again."""
    return _TEMPLATES.get_template("message.html").render(text=error.line, field=field, now=time.monotonic_ns())


def preview_html(status: Status | None, folder: Path) -> str:
    """How far the preview in `folder` is, and what it shows; nothing where there is none."""
    if status is None:
        return ""
    images = {
        file: f"data:image/jpeg;base64,{base64.b64encode((folder / file).read_bytes()).decode()}"
        for file in (BEFORE, FIRST_LOOK, LATEST)
        if (folder / file).is_file()
    }
    return _TEMPLATES.get_template("preview.html").render(status=status, images=images)


def facts_html(facts: Facts) -> str:
    """What was chosen, with an image of it."""
    return _TEMPLATES.get_template("facts.html").render(facts=facts)


def list_html(rows: Sequence[Row]) -> str:
    """Links to jobs, from what `rows_of` gives."""
    return _TEMPLATES.get_template("jobs.html").render(rows=rows)


def curve(losses: Sequence[float]) -> list[tuple[float, float]]:
    """Points (x, y) of the losses in an image of the size CURVE, their logarithms upwards; none for fewer than two."""
    logs = [math.log(max(loss, 1e-12)) for loss in losses if math.isfinite(loss)]
    if len(logs) < 2:
        return []
    width, height = CURVE
    low, span = min(logs), max(max(logs) - min(logs), 1e-9)
    return [(width * i / (len(logs) - 1), height - (height - 4) * (x - low) / span - 2) for i, x in enumerate(logs)]


def samples_html(urls: Sequence[str]) -> str:
    """The images at these addresses on the boxes of the sample styles."""
    return _TEMPLATES.get_template("samples.html").render(urls=urls)
