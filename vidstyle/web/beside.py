"""Errors that are told next to a part of the page."""

from collections.abc import Iterator
from contextlib import contextmanager

from gradio.blocks import Block

from vidstyle.errors import VidstyleError


class BesideError(Exception):
    """An error whose message stands at a `place` of its own."""

    def __init__(self, place: Block, reason: VidstyleError) -> None:
        self.place, self.reason = place, reason


@contextmanager
def beside(place: Block) -> Iterator[None]:
    """Errors are told at this place."""
    try:
        yield
    except VidstyleError as error:
        raise BesideError(place, error) from error
