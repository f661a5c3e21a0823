"""The page: source and styles on the left, the painting on the right."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from gradio.blocks import Block

from vidstyle.errors import VidstyleError
from vidstyle.images import IMAGE_ENDINGS
from vidstyle.settings.presets import STANDARD
from vidstyle.settings.settings import Settings
from vidstyle.video.reader import CLIP_ENDINGS
from vidstyle.web.facts import chosen_facts
from vidstyle.web.form import (
    PRESET_NAMES,
    Controls,
    at_hand,
    changed,
    folded,
    restored,
    seconds_of,
    the_one,
)
from vidstyle.web.job_store import JobStore, JobView
from vidstyle.web.view import Row, facts_html, job_html, list_html, message_html, rows_of, samples_html, shown

REMEMBERED = 50  # jobs that a browser keeps in its list
_INTRODUCTION = "Choose a video or an image and a style, then press Paint."
_TIME: dict[str, Any] = {"placeholder": "such as 12.5 or 1:30", "max_lines": 1}
_QUIETLY: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


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
            wanted["file"] = gr.File(label="Video or image", file_types=endings, height=120, elem_id="source")
        with gr.Tab("Webcam"):
            label = "Photo"
            wanted["webcam"] = gr.Image(sources=["webcam"], type="filepath", label=label, elem_id="webcam")
        self._facts = gr.HTML("", elem_id="facts")
        if self._shelf:
            wanted["shelf"] = _sample_styles(self._shelf)
        wanted["styles"] = gr.File(
            label="Your own styles", file_types=list(IMAGE_ENDINGS), file_count="multiple", height=120, elem_id="styles"
        )
        wanted["preset"] = gr.Radio(PRESET_NAMES, value=STANDARD, label="Quality")
        self._paint = gr.Button("Paint", variant="primary", size="lg", elem_id="paint")
        self._message = gr.HTML("", elem_id="message")
        self._settings = at_hand()
        with gr.Row():
            wanted["start"] = gr.Textbox(label="Start of the video", elem_id="start", **_TIME)
            wanted["end"] = gr.Textbox(label="End of the video", elem_id="end", **_TIME)
        wanted["report"] = gr.Checkbox(label="Write a report on the painted video", value=False)
        with gr.Accordion("All settings", open=False):
            self._settings |= folded()
        self._wanted = wanted

    def _results(self) -> None:
        """Makes the parts that show what becomes of it."""
        self._view = gr.HTML(job_html(""), elem_id="view")
        with gr.Row():
            self._cancel = gr.Button("Cancel", visible=False, elem_id="cancel")
            self._resume = gr.Button("Resume", visible=False, elem_id="resume")
            self._repeat = gr.Button("Paint again with changes", visible=False, elem_id="again")
            self._remove = gr.Button("Delete", visible=False, elem_id="delete")
        with gr.Accordion("Your jobs", open=True):
            self._list = gr.HTML(list_html([]), elem_id="jobs")

    def _wire(self) -> None:
        """Says what follows on clicks, on loading, and each second."""
        given: set[Block] = {self._mine, *self._wanted.values(), *self._settings.values()}
        fields = [self._message, *self._wanted.values(), *self._settings.values()]
        store, named, told = self._store, [self._current], [self._message]
        submit, again = self._telling(self._submit), self._telling(self._again)
        acts = (
            self._paint.click(submit, given, [*told, self._current, self._mine], **_QUIETLY),
            self._cancel.click(self._telling(store.cancel), named, told, **_QUIETLY),
            self._resume.click(self._telling(store.resume), named, told, **_QUIETLY),
            self._remove.click(self._telling(store.remove), named, told, **_QUIETLY),
            self._repeat.click(again, named, fields, **_QUIETLY),
            self.blocks.load(self._opened, [self._mine], named, **_QUIETLY),
        )
        for part in ("file", "webcam", "preset", "start", "end"):
            self._wanted[part].change(self._describe, given, [self._facts], **_QUIETLY)
        self._settings["size"].change(self._describe, given, [self._facts], **_QUIETLY)
        outputs = [self._seen, self._view, self._list, self._cancel, self._resume, self._repeat, self._remove]
        for event in (*(act.then for act in acts), gr.Timer(1).tick):
            event(self._look, [self._current, self._seen, self._mine], outputs, **_QUIETLY)

    def _telling(self, act: Callable[..., Mapping[Block, Any] | None]) -> Callable[..., dict[Block, Any]]:
        """`act`, and what it could not do as the message, which the page shows until the next act."""

        def told(*given: Any) -> dict[Block, Any]:
            try:
                return {self._message: "", **(act(*given) or {})}
            except VidstyleError as error:
                return {self._message: message_html(error)}

        return told

    def _submit(self, given: Mapping[Any, Any]) -> dict[Block, Any]:
        """A new job of what was given, which joins those of this browser."""
        wanted, settings = self._read(given)
        source = the_one(wanted["file"], wanted["webcam"])
        styles = [*map(Path, wanted["styles"] or []), *(self._shelf[number] for number in wanted.get("shelf") or [])]
        start, end = seconds_of(wanted["start"]) or 0.0, seconds_of(wanted["end"])
        name = self._store.submit(source, styles, settings, report=bool(wanted["report"]), start=start, end=end)
        self._store.tend()
        return {self._current: name, self._mine: [*(given[self._mine] or []), name][-REMEMBERED:]}

    def _again(self, name: str) -> dict[Block, Any]:
        """The files and settings of a job, in the form."""
        ticket = self._store.view(name).ticket
        source, styles = self._store.lend(name)
        preset, values = restored(ticket.settings)
        wanted = {
            "file": str(source),
            "webcam": None,
            "styles": list(map(str, styles)),
            "shelf": [],
            "preset": preset,
            "start": f"{ticket.start:g}" if ticket.start else "",
            "end": "" if ticket.end is None else f"{ticket.end:g}",
            "report": ticket.report,
        }
        controls = [(self._wanted, wanted), (self._settings, values)]
        return {made[part]: value for made, found in controls for part, value in found.items() if part in made}

    def _read(self, given: Mapping[Any, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is wanted by name, and the settings that differ from the defaults."""
        wanted = {name: given[control] for name, control in self._wanted.items()}
        settings = {name: given[control] for name, control in self._settings.items()}
        return wanted, changed(settings, wanted["preset"])

    def _describe(self, given: Mapping[Any, Any]) -> str:
        """What was chosen to be painted, and about how long that takes; or why it cannot be."""
        try:
            wanted, settings = self._read(given)
            chosen = wanted["file"] or wanted["webcam"]
            span = seconds_of(wanted["start"]) or 0.0, seconds_of(wanted["end"])
            return (
                facts_html(chosen_facts(Path(chosen), Settings(**settings), self._store.device, *span))
                if chosen
                else ""
            )
        except VidstyleError as error:
            return message_html(error)

    def _look(self, name: str, seen: tuple[JobView | str, list[Row]], mine: Sequence[object]) -> tuple[Any, ...]:
        """The job and the list as they are; what did not change is left alone, so that videos play on."""
        job, rows = shown(self._store, name), rows_of(self._store, mine or [])
        view = cancel = resume = repeat = remove = gr.skip()
        if job != seen[0]:
            status = job.status if isinstance(job, JobView) else None
            view = job_html(job)
            cancel = gr.Button(visible=bool(status and not status.ended))
            resume = gr.Button(visible=bool(status and status.can_resume))
            repeat = gr.Button(visible=bool(status))
            remove = gr.Button(visible=bool(status and status.ended))
        return (job, rows), view, list_html(rows) if rows != seen[1] else gr.skip(), cancel, resume, repeat, remove

    def _opened(self, request: gr.Request, mine: Sequence[str]) -> str:
        """The job that a link names, else the last one of this browser that was not cancelled."""
        kept = (row[0] for row in rows_of(self._store, mine or []) if row[2] != "cancelled")
        return request.query_params.get("job", "") or next(kept, "")


def _sample_styles(shelf: Sequence[Path]) -> gr.CheckboxGroup:
    """The images of the shelf to choose from. What is chosen comes as numbers."""
    gr.set_static_paths(list(shelf))  # else a copy of each would lie, and grow old, among the uploads
    urls = [f"/gradio_api/file={quote(str(path.absolute()))}" for path in shelf]
    gr.HTML(samples_html(urls), padding=False)
    return gr.CheckboxGroup([path.stem for path in shelf], type="index", label="Sample styles", elem_id="shelf")
