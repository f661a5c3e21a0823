"""The page: source and styles on the left, the painting on the right. What comes from files and people is escaped."""

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from vidstyle.cli.messages import clock
from vidstyle.errors import JobError, VidstyleError
from vidstyle.images import IMAGE_ENDINGS
from vidstyle.settings.presets import PRESETS, STANDARD
from vidstyle.video.reader import CLIP_ENDINGS
from vidstyle.web.form import Controls, at_hand, changed, folded, the_one
from vidstyle.web.job_store import AFTER, BEFORE, LATEST, MAKING, REPORT, JobStore, Status, Ticket

REMEMBERED = 50  # jobs that a browser keeps in its list


def page(store: JobStore, shelf: Sequence[Path]) -> gr.Blocks:
    """The page over the jobs of `store`, with the images of `shelf` as styles to choose from."""
    blocks = gr.Blocks(title="vidstyle", analytics_enabled=False)
    with blocks:
        current, shown = gr.State(""), gr.State("")
        # The browser keeps the names of its jobs; the secret is none, it only has to outlive the server.
        mine = gr.BrowserState([], storage_key="vidstyle-jobs", secret="vidstyle")
        gr.Markdown("# vidstyle\nDrop a video or an image, and the image whose style it should get; then press Paint.")
        with gr.Row():
            with gr.Column(scale=2):
                asked = _asked(shelf)
            with gr.Column(scale=3):
                view = gr.HTML(EMPTY, elem_id="view")
                with gr.Row():
                    cancel = gr.Button("Cancel", interactive=False, elem_id="cancel")
                    go_on = gr.Button("Go on", interactive=False, elem_id="go-on")
                with gr.Accordion("Your jobs", open=True):
                    listed = gr.HTML(jobs_list(store, []), elem_id="jobs")
        _wire(blocks, store, shelf, asked, (current, shown, mine), (view, cancel, go_on, listed))
    return blocks


class _Asked:
    """The controls that say what is wanted."""

    def __init__(self, controls: Controls, settings: Controls, paint: gr.Button) -> None:
        self.controls, self.settings, self.paint = controls, settings, paint

    @property
    def inputs(self) -> list[gr.components.Component]:
        return [*self.controls.values(), *self.settings.values()]

    def values(self, given: Sequence[Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """What was given, by name: for the controls, and for the settings."""
        count = len(self.controls)
        return (
            dict(zip(self.controls, given[:count], strict=True)),
            dict(zip(self.settings, given[count:], strict=True)),
        )


def _asked(shelf: Sequence[Path]) -> _Asked:
    controls: Controls = {}
    with gr.Tab("Video or image"):
        endings = [*CLIP_ENDINGS, *IMAGE_ENDINGS]
        controls["file"] = gr.File(label="1. Video or image", file_types=endings, height=140, elem_id="source")
    with gr.Tab("Webcam"):
        controls["webcam"] = gr.Image(sources=["webcam"], type="filepath", label="Take an image", elem_id="webcam")
    controls["styles"] = gr.File(
        label="2. Styles", file_types=list(IMAGE_ENDINGS), file_count="multiple", height=140, elem_id="styles"
    )
    if shelf:
        controls["shelf"] = _on_shelf(shelf)
    controls["preset"] = gr.Radio(list(PRESETS), value=STANDARD, label="Preset")
    paint = gr.Button("Paint", variant="primary", size="lg", elem_id="paint")
    settings = at_hand()
    controls["report"] = gr.Checkbox(label="Measure the video too (a report)", value=False)
    return _Asked(controls, settings | folded(), paint)


def _on_shelf(shelf: Sequence[Path]) -> gr.CheckboxGroup:
    """The images of the shelf and their names; a click on either chooses."""
    gr.set_static_paths(list(shelf))  # else a copy of each would lie, and grow old, among the uploads
    names = [path.stem for path in shelf]
    gallery = gr.Gallery(
        [str(path) for path in shelf],
        columns=4,
        height=112,
        object_fit="cover",
        show_label=False,
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id="shelf-images",
    )
    chosen = gr.CheckboxGroup(names, label="or styles from the shelf", elem_id="shelf")

    def clicked(now: list[str], event: gr.SelectData) -> list[str]:
        name = names[event.index]
        return [other for other in names if (other in now) != (other == name)]

    gallery.select(clicked, [chosen], [chosen], show_progress="hidden", api_visibility="private")
    return chosen


def _wire(
    blocks: gr.Blocks,
    store: JobStore,
    shelf: Sequence[Path],
    asked: _Asked,
    states: tuple[gr.State, gr.State, gr.BrowserState],
    parts: tuple[gr.HTML, gr.Button, gr.Button, gr.HTML],
) -> None:
    (current, shown, mine), (view, cancel, go_on, listed) = states, parts

    def submit(mine_now: list[str], *given: Any) -> tuple[str, list[str]]:
        controls, settings = asked.values(given)
        try:
            name = _submitted(store, shelf, controls, settings)
        except VidstyleError as error:
            raise gr.Error(str(error), duration=None, print_exception=False) from None
        store.tend()
        return name, [*(mine_now or []), name][-REMEMBERED:]

    def opened(request: gr.Request, mine_now: list[str]) -> str:
        named = request.query_params.get("job", "")
        return named or (mine_now[-1] if mine_now else "")

    def look(name: str, seen: str, mine_now: list[str]) -> tuple[Any, ...]:
        """The job as it is; what did not change is left alone, so that videos play on."""
        html = job_view(store, name) if name else EMPTY
        jobs = jobs_list(store, [job for job in mine_now or [] if isinstance(job, str)])
        if html + jobs == seen:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip()
        state = state_of(store, name)
        cancels, goes_on = state in ("waiting", "painting"), state in ("cancelled", "failed")
        return html, jobs, html + jobs, gr.Button(interactive=cancels), gr.Button(interactive=goes_on)

    def act(name: str, what: str) -> None:
        try:
            store.cancel(name) if what == "cancel" else store.go_on(name)
        except VidstyleError as error:
            raise gr.Error(str(error), print_exception=False) from None

    refresh: dict[str, Any] = {"inputs": [current, shown, mine], "outputs": [view, listed, shown, cancel, go_on]}
    quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    asked.paint.click(submit, [mine, *asked.inputs], [current, mine], **quietly).then(look, **refresh, **quietly)
    cancel.click(lambda name: act(name, "cancel"), [current], None, **quietly).then(look, **refresh, **quietly)
    go_on.click(lambda name: act(name, "go on"), [current], None, **quietly).then(look, **refresh, **quietly)
    blocks.load(opened, [mine], [current], **quietly).then(look, **refresh, **quietly)
    gr.Timer(1).tick(look, **refresh, **quietly)


def _submitted(store: JobStore, shelf: Sequence[Path], controls: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """A new job of what a page sent. Raises VidstyleError."""
    source = the_one(controls["file"], controls["webcam"])
    chosen = [path for path in shelf if path.stem in (controls.get("shelf") or [])]
    styles = [*map(Path, controls["styles"] or []), *chosen]
    wanted = changed(settings, controls["preset"])
    return store.submit(source, styles, wanted, report=bool(controls["report"]))


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
#shelf-images .grid-container { grid-auto-rows: 90px }
#shelf-images button { border-color: transparent; box-shadow: none }
.vs .empty { border: 2px dashed #8886; border-radius: 8px; padding: 80px 20px; text-align: center; opacity: .7 }
.vs ul { list-style: none; padding: 0 } .vs li { padding: 4px 0 }
"""

_SLIDE = "this.parentElement.querySelector('.over').style.clipPath = `inset(0 ${100 - this.value}% 0 0)`"

EMPTY = '<div class="vs"><div class="empty">Your painting will appear here.</div></div>'


def state_of(store: JobStore, name: str) -> str:
    """What has become of a job; nothing where there is none of that name."""
    try:
        return store.status(name).state
    except JobError:
        return ""


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
    """A film to play; an image is seen by comparing it."""
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
