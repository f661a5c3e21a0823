"""The page: source and styles on the left, the painting on the right. What comes from files and people is escaped."""

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from jinja2 import Environment, PackageLoader, StrictUndefined

from vidstyle.errors import JobError, VidstyleError
from vidstyle.images import IMAGE_ENDINGS
from vidstyle.settings.presets import PRESETS, STANDARD
from vidstyle.video.reader import CLIP_ENDINGS
from vidstyle.web.form import Controls, at_hand, changed, folded, the_one
from vidstyle.web.job_folder import BEFORE, LATEST, MAKING, REPORT, Ticket
from vidstyle.web.job_store import JobStore, JobView

REMEMBERED = 50  # jobs that a browser keeps in its list
CURVE = (300, 60)  # width and height, pixels

Row = tuple[str, str, str]  # name, title and state of a job

_INTRODUCTION = "Drop a video or an image, and the image whose style it should get; then press Paint."
_QUIETLY: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_TEMPLATES = Environment(
    loader=PackageLoader("vidstyle.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {"BEFORE": BEFORE, "LATEST": LATEST, "MAKING": MAKING, "REPORT": REPORT, "CURVE": CURVE}


class Page:
    """The page over the jobs of `store`, with the images of `shelf` as styles to choose from; `blocks` is what Gradio
    serves."""

    def __init__(self, store: JobStore, shelf: Sequence[Path]) -> None:
        self._store, self._shelf = store, shelf
        with gr.Blocks(title="vidstyle", analytics_enabled=False) as self.blocks:
            self._current, self._seen = gr.State(""), gr.State(("", []))
            # The browser keeps the names of its jobs; the secret is none, it only has to outlive the server.
            self._mine = gr.BrowserState([], storage_key="vidstyle-jobs", secret="vidstyle")
            gr.Markdown(f"# vidstyle\n{_INTRODUCTION}")
            with gr.Row():
                with gr.Column(scale=2):
                    self._sources()
                with gr.Column(scale=3):
                    self._results()
            self._wire()

    def _sources(self) -> None:
        """Makes the controls that say what is wanted."""
        wanted: Controls = {}
        with gr.Tab("Video or image"):
            endings = [*CLIP_ENDINGS, *IMAGE_ENDINGS]
            wanted["file"] = gr.File(label="1. Video or image", file_types=endings, height=140, elem_id="source")
        with gr.Tab("Webcam"):
            label = "1. Photo from the webcam"
            wanted["webcam"] = gr.Image(sources=["webcam"], type="filepath", label=label, elem_id="webcam")
        wanted["styles"] = gr.File(
            label="2. Styles", file_types=list(IMAGE_ENDINGS), file_count="multiple", height=140, elem_id="styles"
        )
        if self._shelf:
            wanted["shelf"] = _shelf_controls(self._shelf)
        wanted["preset"] = gr.Radio(list(PRESETS), value=STANDARD, label="Preset")
        self._paint = gr.Button("Paint", variant="primary", size="lg", elem_id="paint")
        self._settings = at_hand()
        wanted["report"] = gr.Checkbox(label="Measure the painted video and write a report", value=False)
        self._settings |= folded()
        self._wanted = wanted

    def _results(self) -> None:
        """Makes the parts that show what becomes of it."""
        self._view = gr.HTML(job_html(""), elem_id="view")
        with gr.Row():
            self._cancel = gr.Button("Cancel", interactive=False, elem_id="cancel")
            self._go_on = gr.Button("Go on", interactive=False, elem_id="go-on")
        with gr.Accordion("Your jobs", open=True):
            self._list = gr.HTML(list_html([]), elem_id="jobs")

    def _wire(self) -> None:
        """Says what follows on clicks, on loading, and each second."""
        inputs: set[Block] = {self._mine, *self._wanted.values(), *self._settings.values()}
        acts = (
            self._paint.click(_telling(self._submit), inputs, [self._current, self._mine], **_QUIETLY),
            self._cancel.click(_telling(self._store.cancel), [self._current], None, **_QUIETLY),
            self._go_on.click(_telling(self._store.go_on), [self._current], None, **_QUIETLY),
            self.blocks.load(_opened, [self._mine], [self._current], **_QUIETLY),
        )
        outputs = [self._seen, self._view, self._list, self._cancel, self._go_on]
        for event in (*(act.then for act in acts), gr.Timer(1).tick):
            event(self._look, [self._current, self._seen, self._mine], outputs, **_QUIETLY)

    def _submit(self, given: Mapping[Any, Any]) -> tuple[str, list[str]]:
        """The name of a new job of what was given, and those of all jobs of this browser."""
        wanted = {name: given[control] for name, control in self._wanted.items()}
        settings = {name: given[control] for name, control in self._settings.items()}
        source = the_one(wanted["file"], wanted["webcam"])
        styles = [*map(Path, wanted["styles"] or []), *(self._shelf[number] for number in wanted.get("shelf") or [])]
        name = self._store.submit(source, styles, changed(settings, wanted["preset"]), report=bool(wanted["report"]))
        self._store.tend()
        return name, [*(given[self._mine] or []), name][-REMEMBERED:]

    def _look(self, name: str, seen: tuple[JobView | str, list[Row]], mine: Sequence[object]) -> tuple[Any, ...]:
        """The job and the list as they are; what did not change is left alone, so that videos play on."""
        job, rows = shown(self._store, name), rows_of(self._store, mine or [])
        view = cancel = go_on = gr.skip()
        if job != seen[0]:
            status = job.status if isinstance(job, JobView) else None
            view = job_html(job)
            cancel = gr.Button(interactive=bool(status and not status.ended))
            go_on = gr.Button(interactive=bool(status and status.can_go_on))
        return (job, rows), view, list_html(rows) if rows != seen[1] else gr.skip(), cancel, go_on


def _shelf_controls(shelf: Sequence[Path]) -> gr.CheckboxGroup:
    """The images of the shelf and their names; a click on either chooses. What is chosen comes as numbers."""
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
    chosen = gr.CheckboxGroup(names, type="index", label="or styles from the shelf", elem_id="shelf")

    def clicked(numbers: list[int], event: gr.SelectData) -> list[str]:
        return [names[number] for number in sorted({*numbers} ^ {event.index})]

    gallery.select(clicked, [chosen], [chosen], **_QUIETLY)
    return chosen


def _telling(act: Callable[..., Any]) -> Callable[..., Any]:
    """`act`, whose errors the page tells until they are closed."""

    def told(*given: Any) -> Any:
        try:
            return act(*given)
        except VidstyleError as error:
            raise gr.Error(error.line, duration=None, print_exception=False) from None

    return told


def _opened(request: gr.Request, mine: Sequence[str]) -> str:
    """The job that a link names, else the last one of this browser."""
    return request.query_params.get("job", "") or (mine[-1] if mine else "")


def shown(store: JobStore, name: str) -> JobView | str:
    """A job as it is now, or why there is none of that name; nothing where none is named."""
    try:
        return store.view(name) if name else ""
    except JobError as error:
        return error.line


def rows_of(store: JobStore, names: Sequence[object]) -> list[Row]:
    """Name, title and state of the jobs that are still there, the newest first. Other things are no names."""
    rows: list[Row] = []
    for name in reversed(names):
        with contextlib.suppress(JobError):
            place = store.place(name)
            rows.append((place.name, Ticket.read(place).title, store.status(place.name).state))
    return rows


def job_html(job: JobView | str) -> str:
    """What `shown` gives, with the losses as a curve."""
    points = curve(job.status.losses) if isinstance(job, JobView) else []
    return _TEMPLATES.get_template("job.html").render(job=job, points=points)


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
