"""What the page shows of a job, as HTML. All that comes from files and people is escaped."""

import contextlib
import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

from vidstyle.apps.web.desk import AFTER, BEFORE, LATEST, MAKING, REPORT, JobStore, Status, Ticket
from vidstyle.apps.words import clock
from vidstyle.errors import JobError

CURVE = (300, 60)  # width and height, pixels

CSS = """
.vs img, .vs video { max-width: 100%; border-radius: 6px; display: block }
.vs .live { width: 100% }
.vs progress { appearance: none; width: 100%; height: 10px; border: 0; border-radius: 5px; background: #8884 }
.vs progress::-webkit-progress-bar { border-radius: 5px; background: #8882 }
.vs progress::-webkit-progress-value { border-radius: 5px; background: #e8682c }
.vs progress::-moz-progress-bar { border-radius: 5px; background: #e8682c }
.vs .note { margin: 6px 0; font-variant-numeric: tabular-nums }
.vs .failed { color: #b3261e; font-weight: 600 }
.vs .links a { display: inline-block; margin: 8px 14px 0 0; font-weight: 600 }
.vs .compare { position: relative; margin-top: 10px }
.vs .compare img { width: 100% }
.vs .compare .over { position: absolute; inset: 0 0 auto 0; clip-path: inset(0 50% 0 0) }
.vs .compare input { width: 100%; accent-color: #e8682c }
#shelf-pictures .grid-container { grid-auto-rows: 90px }
#shelf-pictures button { border-color: transparent; box-shadow: none }
.vs .empty { border: 2px dashed #8886; border-radius: 8px; padding: 80px 20px; text-align: center; opacity: .7 }
.vs ul { list-style: none; padding: 0 } .vs li { padding: 4px 0 }
"""

_SLIDE = "this.parentElement.querySelector('.over').style.clipPath = `inset(0 ${100 - this.value}% 0 0)`"

EMPTY = '<div class="vs"><div class="empty">Your painting will appear here.</div></div>'


def job_view(store: JobStore, name: str) -> str:
    """A job as it is now; a line where there is none of that name."""
    try:
        place, status = store.place(name), store.status(name)
        ticket = Ticket.read(place)
    except JobError as error:
        return f'<div class="vs"><p class="note failed">{escape(str(error))}</p></div>'
    shown = [place / file for file in (ticket.out, LATEST, BEFORE, AFTER, MAKING, REPORT)]
    files = dict[str, int]()
    for file in shown:
        with contextlib.suppress(OSError):  # it is not there, or was removed just now
            files[file.name] = file.stat().st_mtime_ns

    def url(file: str) -> str:
        return f"/jobs/{name}/{file}?{files.get(file, 0)}"

    parts = [f"<h3>{escape(ticket.title)}</h3>", _note(store, name, status)]
    if status.state == "done":
        parts += [_result(ticket.out, url(ticket.out)), _compared(url(BEFORE), url(AFTER))]
        parts.append(_links([(ticket.out, "Download"), (MAKING, "Its making"), (REPORT, "Report")], files, url))
    elif LATEST in files:
        parts.append(f'<img class="live" alt="the painting so far" src="{url(LATEST)}">')
    parts.append(curve(status.losses))
    return f'<div class="vs" data-state="{status.state}">{"".join(parts)}</div>'


def jobs_list(store: JobStore, names: Sequence[str]) -> str:
    """Links to the jobs that are still there, the newest first."""
    lines = []
    for name in reversed(names):
        try:
            status, ticket = store.status(name), Ticket.read(store.place(name))
        except JobError:
            continue
        lines.append(f'<li><a href="/?job={escape(name)}">{escape(ticket.title)}</a> – {status.state}</li>')
    return f'<div class="vs jobs"><ul>{"".join(lines) or "<li>none yet</li>"}</ul></div>'


def curve(losses: Sequence[float]) -> str:
    """The losses as a line, their logarithms upwards."""
    logs = [math.log(max(loss, 1e-12)) for loss in losses if math.isfinite(loss)]
    if len(logs) < 2:
        return ""
    width, height = CURVE
    low, span = min(logs), max(max(logs) - min(logs), 1e-9)
    points = " ".join(
        f"{width * i / (len(logs) - 1):.1f},{height - (height - 4) * (x - low) / span - 2:.1f}"
        for i, x in enumerate(logs)
    )
    line = f'<polyline points="{points}" fill="none" stroke="#e8682c" stroke-width="2"/>'
    return (
        f'<svg class="curve" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="the loss">{line}</svg>'
        f'<p class="note">loss {losses[-1]:.3g}</p>'
    )


def _note(store: JobStore, name: str, status: Status) -> str:
    if status.state == "waiting":
        waiting = store.queue()
        place = waiting.index(name) + 1 if name in waiting else 1
        return f'<p class="note">Waiting, number {place} in the queue.</p>'
    if status.state == "failed":
        return f'<p class="note failed">{escape(status.note)}</p>'
    left = "" if status.left is None else f" – {clock(status.left)} left"
    bar = f'<progress max="1" value="{status.progress:.4f}"></progress>' if status.state == "painting" else ""
    return f'{bar}<p class="note">{escape(status.note)}{left if "left" not in status.note else ""}</p>'


def _result(out: str, url: str) -> str:
    """A film to play; a picture is seen by comparing it."""
    if out.endswith(".mp4"):
        return f'<video class="result" controls loop src="{url}"></video>'
    return f'<img class="result" alt="the painting" src="{url}">' if out.endswith(".gif") else ""


def _compared(before: str, after: str) -> str:
    """The source over the painting, as far as a slider says."""
    return (
        f'<div class="compare"><img alt="after" src="{after}"><img class="over" alt="before" src="{before}">'
        f'<input type="range" min="0" max="100" value="50" aria-label="before and after" oninput="{_SLIDE}"></div>'
    )


def _links(wanted: Iterable[tuple[str, str]], files: dict[str, int], url: Callable[[str], str]) -> str:
    links = (f'<a href="{url(file)}" target="_blank" download>{word}</a>' for file, word in wanted if file in files)
    return f'<p class="links">{"".join(links)}</p>'
