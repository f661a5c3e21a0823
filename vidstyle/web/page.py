"""The page: source and styles on the left, the painting on the right."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from vidstyle.errors import JobError, VidstyleError
from vidstyle.images import IMAGE_ENDINGS
from vidstyle.jobs.kinds import kind_of
from vidstyle.settings.presets import STANDARD
from vidstyle.settings.settings import Settings
from vidstyle.video.reader import CLIP_ENDINGS
from vidstyle.web.beside import BesideError, beside
from vidstyle.web.facts import chosen_facts, length_of
from vidstyle.web.form import (
    MENUS,
    PRESET_NAMES,
    SLIDERS,
    Controls,
    at_hand,
    changed,
    field_of,
    folded,
    restored,
    the_one,
)
from vidstyle.web.job_folder import first_image
from vidstyle.web.job_panel import NOTHING, JobPanel, Seen
from vidstyle.web.job_store import JobStore
from vidstyle.web.previews import Previews
from vidstyle.web.style_chooser import StyleChooser
from vidstyle.web.view import facts_html, message_html, preview_html, rows_of, shown

REMEMBERED = 50  # jobs that a browser keeps in its list

_INTRODUCTION = "Add a video or photo, pick a style, and press Paint."
_QUIETLY: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_JOB_OF_ADDRESS = "() => new URLSearchParams(location.search).get('job') ?? ''"
_SECONDS = 0.1  # step of the sliders that trim a video

Given = Mapping[Any, Any]  # what a browser sent, by control
Shown = dict[Block, Any]  # what it is to show, by control


class Page:
    """The page over the jobs of `store`, with the images of `shelf` as styles to choose from; `blocks` is what Gradio
    serves."""

    def __init__(self, store: JobStore, previews: Previews, shelf: Sequence[Path]) -> None:
        self._store, self._previews = store, previews
        with gr.Blocks(title="vidstyle", analytics_enabled=False) as self.blocks:
            self._current, self._seen = gr.State(""), gr.State(NOTHING)
            self._preview, self._seen_preview = gr.State(""), gr.State("")
            # The browser keeps the names of its jobs; the secret is none, it only has to outlive the server.
            self._mine = gr.BrowserState([], storage_key="vidstyle-jobs", secret="vidstyle")
            gr.Markdown(f"# vidstyle\n{_INTRODUCTION}")
            with gr.Row():
                with gr.Column(scale=2, elem_id="form"):
                    self._sources()
                    self._chooser = StyleChooser(shelf)
                    self._options()
                    self._actions()
                with gr.Column(scale=3, elem_id="results"):
                    self._panel = JobPanel()
            self._address = gr.Textbox(visible=False)  # the job that the page's address names, when a link was pressed
            self._wire()

    def _sources(self) -> None:
        """Makes the controls that say what is painted."""
        self._wanted: Controls = {}
        with gr.Tab("Video or photo"):
            endings = [*CLIP_ENDINGS, *IMAGE_ENDINGS]
            self._wanted["file"] = gr.File(label="Video or photo", file_types=endings, height=120, elem_id="source")
        with gr.Tab("Webcam"):
            self._wanted["webcam"] = gr.Image(
                sources=["webcam"], type="filepath", label="Photo", elem_id="webcam", buttons=[]
            )
            gr.HTML('<div class="vs"><button type="button" class="shoot">Take a photo in 3 seconds</button></div>')
        self._facts = gr.HTML("", elem_id="facts")
        with gr.Row(visible=False) as self._trim:
            for part, label in (("start", "Start (seconds)"), ("end", "End (seconds)")):
                self._wanted[part] = gr.Slider(0, 1, 0, step=_SECONDS, label=label, elem_id=part, buttons=[])

    def _options(self) -> None:
        """Makes the controls that say how it is painted."""
        self._settings = at_hand(*SLIDERS)
        self._preview_view = gr.HTML("", elem_id="preview-view")
        self._settings |= at_hand(*MENUS)
        self._wanted["preset"] = gr.Radio(PRESET_NAMES, value=STANDARD, label="Quality", elem_id="quality")
        self._wanted["report"] = gr.Checkbox(
            label="Also create a report (stability, style, content)", value=False, visible=False, elem_id="report"
        )
        self._wanted["animated"] = gr.Checkbox(
            label="Also create a GIF of the painting process", value=False, visible=False, elem_id="animated"
        )
        with gr.Accordion("Advanced", open=False, elem_id="advanced"):
            self._settings |= folded()

    def _actions(self) -> None:
        """Makes the buttons below the form, and what they could not do."""
        with gr.Column(elem_id="actions"):
            self._message = gr.HTML("", elem_id="message")
            with gr.Row():
                self._look_first = gr.Button("Preview one frame", size="lg", elem_id="preview", min_width=120)
                self._paint = gr.Button("Paint", variant="primary", size="lg", elem_id="paint", min_width=120)

    def _wire(self) -> None:
        """Says what follows on clicks, on loading, and each second."""
        store, panel, named, told = self._store, self._panel, [self._current], [self._message]
        self._chooser.wire(**_QUIETLY)
        given, asked = self._given, [*told, self._facts, self._chooser.message]
        repeated = self._wire_form(named)
        acts = (
            repeated,
            self._paint.click(self._telling(self._submit), given, [*asked, self._current, self._mine], **_QUIETLY),
            panel.cancel.click(self._telling(store.cancel), named, told, **_QUIETLY),
            panel.resume.click(self._telling(store.resume), named, told, **_QUIETLY),
            panel.remove.click(self._telling(self._remove), named, [*told, self._current], **_QUIETLY),
            panel.opener.click(lambda name: name, [self._address], named, js=_JOB_OF_ADDRESS, **_QUIETLY),
            self.blocks.load(self._opened, [self._mine], named, **_QUIETLY),
            self._look_first.click(self._telling(self._preview_of), given, [*asked, self._preview], **_QUIETLY),
        )
        for name in SLIDERS:
            self._settings[name].release(self._telling(self._repaint), given, [*asked, self._preview], **_QUIETLY)
        seen = [self._current, self._seen, self._mine, self._preview, self._seen_preview]
        outputs = [*panel.controls, self._seen, self._seen_preview, self._preview_view]
        for event in (*(act.then for act in acts), gr.Timer(1).tick):
            event(self._look, seen, outputs, **_QUIETLY)

    def _wire_form(self, named: Sequence[Block]) -> Any:
        """Says what follows on a file or photo, and on what changes its facts; the click that brings a job back."""
        wanted, given = self._wanted, self._given
        file, webcam, size, preset = wanted["file"], wanted["webcam"], self._settings["size"], wanted["preset"]
        facts = (self._describe, given, [self._facts])
        fitted = [self._trim, *(wanted[name] for name in ("start", "end", "report", "animated"))]
        taken = (  # the last one given is painted
            file.upload(lambda: None, None, [webcam], **_QUIETLY).then,
            webcam.input(lambda: None, None, [file], **_QUIETLY).then,
            file.clear,
            webcam.clear,
        )
        for event in taken:
            event(self._fitted, given, fitted, **_QUIETLY).then(*facts, **_QUIETLY)
        for event in (
            size.input,
            preset.input,
            wanted["start"].release,
            wanted["end"].release,
            self._chooser.boxes.change,
        ):
            event(*facts, **_QUIETLY)
        fields = [*wanted.values(), *self._settings.values(), *self._chooser.controls, self._message, self._trim]
        repeated = self._panel.repeat.click(self._telling(self._again), named, fields, **_QUIETLY)
        repeated.then(*facts, **_QUIETLY)
        return repeated

    @property
    def _given(self) -> set[Block]:
        """What a browser sends with what it asks for."""
        chooser = self._chooser
        return {self._mine, self._preview, chooser.boxes, chooser.own, *self._wanted.values(), *self._settings.values()}

    def _telling(self, act: Callable[..., Shown | None]) -> Callable[..., Shown]:
        """`act`, and what it could not do as a message next to what it is about, until the next act."""

        def told(*given: Any) -> Shown:
            try:
                return {self._message: "", **(act(*given) or {})}
            except BesideError as error:
                return {self._message: "", error.place: message_html(error.reason)}
            except VidstyleError as error:
                values = self._values(given[0]) if isinstance(given[0], dict) else {}
                return {self._message: message_html(error, field_of(error, values))}

        return told

    def _submit(self, given: Given) -> Shown:
        """A new job of what was given, which joins those of this browser."""
        source, styles, settings = self._files_and_settings(given)
        wanted = {name: bool(given[self._wanted[name]]) for name in ("report", "animated")}
        start, end = self._part(given, source)
        name = self._store.submit(source, styles, settings, start=start, end=end, **wanted)
        self._store.tend()
        mine = [*(given[self._mine] or []), name][-REMEMBERED:]
        return {self._current: name, self._mine: mine, self._chooser.message: ""}

    def _remove(self, name: str) -> Shown:
        self._store.remove(name)
        return {self._current: ""}

    def _preview_of(self, given: Given) -> Shown:
        """A preview of what was given, instead of the one before."""
        source, styles, settings = self._files_and_settings(given)
        start, end = self._part(given, source)
        before = given[self._preview]
        name = self._previews.start(source, styles, settings, start=start, end=end, instead_of=before)
        return {self._preview: name, self._chooser.message: ""}

    def _repaint(self, given: Given) -> Shown:
        return self._preview_of(given) if given[self._preview] else {}

    def _again(self, name: str) -> Shown:
        """The files and settings of a job, in the form."""
        ticket = self._store.view(name).ticket
        source, styles = self._store.lend(name)
        preset, values = restored(ticket.settings)
        wanted = {"file": str(source), "webcam": None, "preset": preset}
        shown: Shown = {self._wanted[part]: value for part, value in wanted.items()}
        shown |= {made: values.get(setting, getattr(Settings, setting)) for setting, made in self._settings.items()}
        fitted = self._fitted_to(source, ticket.start, ticket.end, report=ticket.report, animated=ticket.animated)
        return shown | fitted | self._chooser.shown(styles)

    def _files_and_settings(self, given: Given) -> tuple[Path, list[Path], dict[str, Any]]:
        """What is to be painted, the styles, and the settings that differ from the defaults."""
        with beside(self._facts):
            source = self._source(given)
            first_image(source)
        with beside(self._chooser.message):
            styles = self._chooser.checked(given)
        return source, styles, self._changed(given)

    def _source(self, given: Given) -> Path:
        return the_one(given[self._wanted["file"]], given[self._wanted["webcam"]])

    def _values(self, given: Given) -> dict[str, Any]:
        return {name: given[control] for name, control in self._settings.items()}

    def _changed(self, given: Given) -> dict[str, Any]:
        return changed(self._values(given), given[self._wanted["preset"]])

    def _part(self, given: Given, source: Path) -> tuple[float, float | None]:
        """Seconds from which on and up to which a video is painted; 0 and None for all of it."""
        start, end = (float(given[self._wanted[part]] or 0.0) for part in ("start", "end"))
        length = length_of(source)
        part = 0 < end < length - _SECONDS / 2  # 0 before the slider has its length
        return (start, end if part else None) if length else (0.0, None)

    def _fitted(self, given: Given) -> Shown:
        """The options that the file or photo has, untouched."""
        try:
            return self._fitted_to(self._source(given), 0.0, None)
        except VidstyleError:  # the facts say why
            return self._fitted_to(None, 0.0, None)

    def _fitted_to(self, source: Path | None, start: float, end: float | None, **ticked: bool) -> Shown:
        length, kind = (length_of(source), kind_of(source)) if source else (0.0, "")
        most = math.ceil(length / _SECONDS - 1e-6) * _SECONDS or 1.0  # else the slider does not reach the end
        return {
            self._trim: gr.Row(visible=length > 0),
            self._wanted["start"]: gr.Slider(maximum=most, value=start),
            self._wanted["end"]: gr.Slider(maximum=most, value=most if end is None else min(end, most)),
            self._wanted["report"]: gr.Checkbox(visible=kind == "video", value=ticked.get("report", False)),
            self._wanted["animated"]: gr.Checkbox(visible=kind == "image", value=ticked.get("animated", False)),
        }

    def _describe(self, given: Given) -> str:
        """What was chosen to be painted, and about how long that takes; or why it cannot be."""
        if not (given[self._wanted["file"]] or given[self._wanted["webcam"]]):
            return ""
        try:
            source = self._source(given)
            part, settings = self._part(given, source), Settings(**self._changed(given))
            return facts_html(chosen_facts(source, self._chooser.chosen(given), settings, self._store.device, *part))
        except VidstyleError as error:
            return message_html(error)

    def _look(self, name: str, seen: Seen, mine: Sequence[object], *preview: str) -> Shown:
        """The job, the list and the preview as they are."""
        now = shown(self._store, name), rows_of(self._store, mine or [])
        return {**self._look_at_preview(*preview), **self._panel.shown(now, seen), self._seen: now}

    def _look_at_preview(self, name: str, seen: str) -> Shown:
        if not name:
            return {}
        try:
            html = preview_html(*self._previews.look(name))
        except JobError:  # another page of this browser, or a server before this one
            html = ""
        return {} if html == seen else {self._preview_view: html, self._seen_preview: html}

    def _opened(self, request: gr.Request, mine: Sequence[str]) -> str:
        """The job that a link names, else the last one of this browser that was not cancelled."""
        kept = (row[0] for row in rows_of(self._store, mine or []) if row[2] != "cancelled")
        return request.query_params.get("job", "") or next(kept, "")
