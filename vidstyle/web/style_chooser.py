"""The styles to choose from: samples, and the images that people add to them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from gradio.blocks import Block

from vidstyle.errors import SourceError, VidstyleError
from vidstyle.images import IMAGE_ENDINGS, load_image
from vidstyle.web.job_folder import check_styles
from vidstyle.web.view import message_html, samples_html

MASK_LEVEL, MASK_SHARE = 0.99, 0.98  # how white or black pixels are, and how many, where an image is a mask


class StyleChooser:
    """Boxes with the images of `shelf`, and a field that adds own images to them, made where the page is now.

    Attributes:
        boxes: What is chosen, by number among all.
        own: The added images.
        message: Why some could not be added, or none is chosen.
    """

    def __init__(self, shelf: Sequence[Path]) -> None:
        self._shelf = [path for path in shelf if is_style(path)]
        gr.set_static_paths(self._shelf)  # else a copy of each would lie, and grow old, among the uploads
        self.own = gr.State([])
        self._images = gr.HTML(samples_html(_addresses(self._shelf)), elem_id="samples")
        self.boxes = gr.CheckboxGroup(_choices(self._shelf), label="Styles", elem_id="shelf", visible=bool(self._shelf))
        self._added = gr.File(
            label="Add your own style",
            file_types=list(IMAGE_ENDINGS),
            file_count="multiple",
            height=110,
            elem_id="styles",
        )
        self.message = gr.HTML("", elem_id="style-message")

    @property
    def controls(self) -> list[Block]:
        """All that `shown` may change."""
        return [self.boxes, self.own, self._images, self._added, self.message]

    def wire(self, **quietly: Any) -> None:
        """Says what follows on added files."""
        inputs: list[Block] = [self._added, self.own, self.boxes]
        self._added.upload(self._add, inputs, self.controls, **quietly)

    def chosen(self, given: Mapping[Any, Any]) -> list[Path]:
        """The files of the styles that were chosen."""
        known = [*self._shelf, *given[self.own]]
        return [known[int(number)] for number in given[self.boxes] or []]

    def checked(self, given: Mapping[Any, Any]) -> list[Path]:
        """The files of the styles that were chosen; SourceError where there is none, or one is no image."""
        if not (self._shelf or given[self.own]):
            raise SourceError("VS374")
        check_styles(styles := self.chosen(given))
        return styles

    def shown(self, styles: Sequence[Path]) -> dict[Block, Any]:
        """The boxes with these styles chosen: a sample where it is the same file, else an added one."""
        samples = {path.read_bytes(): number for number, path in enumerate(self._shelf)}
        numbers, own = [], list[Path]()
        for style in styles:
            number = samples.get(style.read_bytes())
            if number is None:
                number = len(self._shelf) + len(own)
                own.append(style)
            numbers.append(number)
        return self._changed(own, numbers, "")

    def _add(self, files: Sequence[str], own: list[Path], chosen: Sequence[str]) -> dict[Block, Any]:
        good, messages = list[Path](), ""
        for path in map(Path, files or []):
            try:
                check_styles([path])
                good.append(path)
            except VidstyleError as error:
                messages += message_html(error)
        first = len(self._shelf) + len(own)
        return self._changed([*own, *good], [*map(int, chosen), *range(first, first + len(good))], messages)

    def _changed(self, own: list[Path], numbers: Sequence[int], message: str) -> dict[Block, Any]:
        known = [*self._shelf, *own]
        return {
            self.boxes: gr.CheckboxGroup(
                _choices(known), value=[str(number) for number in numbers], visible=bool(known)
            ),
            self.own: own,
            self._images: samples_html(_addresses(known)),
            self._added: None,
            self.message: message,
        }


def is_style(path: Path) -> bool:
    """Whether a file is an image that is no mask: one whose pixels are not nearly all black or white."""
    try:
        image = load_image(path).rgb
    except SourceError:
        return False
    return bool((image.amin(0).gt(MASK_LEVEL) | image.amax(0).lt(1 - MASK_LEVEL)).float().mean() < MASK_SHARE)


def _choices(styles: Sequence[Path]) -> list[tuple[str, str | int | float]]:
    return [(path.stem, str(number)) for number, path in enumerate(styles)]


def _addresses(styles: Sequence[Path]) -> list[str]:
    return [f"/gradio_api/file={quote(str(path.absolute()))}" for path in styles]
