"""The page: source and styles on the left, the painting on the right."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from vidstyle.apps.options import STANDARD
from vidstyle.apps.web.choices import changed, the_one
from vidstyle.apps.web.desk import JobStore
from vidstyle.apps.web.form import Controls, at_hand, folded
from vidstyle.apps.web.view import EMPTY, job_view, jobs_list
from vidstyle.errors import VidstyleError
from vidstyle.media.images import PICTURE_ENDINGS
from vidstyle.media.source import CLIP_ENDINGS
from vidstyle.presets import PRESETS

REMEMBERED = 50  # jobs that a browser keeps in its list


def page(store: JobStore, shelf: Sequence[Path]) -> gr.Blocks:
    """The page over the jobs of `store`, with the pictures of `shelf` as styles to choose from."""
    blocks = gr.Blocks(title="vidstyle", analytics_enabled=False)
    with blocks:
        current, shown = gr.State(""), gr.State("")
        # The browser keeps the names of its jobs; the secret is none, it only has to outlive the server.
        mine = gr.BrowserState([], storage_key="vidstyle-jobs", secret="vidstyle")
        gr.Markdown(
            "# vidstyle\nDrop a video or a picture, and the picture whose style it should get; then press Paint."
        )
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
    with gr.Tab("Video or picture"):
        endings = [*CLIP_ENDINGS, *PICTURE_ENDINGS]
        controls["file"] = gr.File(label="1. Video or picture", file_types=endings, height=140, elem_id="source")
    with gr.Tab("Webcam"):
        controls["webcam"] = gr.Image(sources=["webcam"], type="filepath", label="Take a picture", elem_id="webcam")
    controls["styles"] = gr.File(
        label="2. Styles", file_types=list(PICTURE_ENDINGS), file_count="multiple", height=140, elem_id="styles"
    )
    if shelf:
        controls["shelf"] = _on_shelf(shelf)
    controls["preset"] = gr.Radio(list(PRESETS), value=STANDARD, label="Preset")
    paint = gr.Button("Paint", variant="primary", size="lg", elem_id="paint")
    settings = at_hand()
    controls["report"] = gr.Checkbox(label="Measure the video too (a report)", value=False)
    return _Asked(controls, settings | folded(), paint)


def _on_shelf(shelf: Sequence[Path]) -> gr.CheckboxGroup:
    """The pictures of the shelf and their names; a click on either chooses."""
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
        elem_id="shelf-pictures",
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
        state = html.partition('data-state="')[2].partition('"')[0]
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
