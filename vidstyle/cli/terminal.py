"""What a command runs in: its terminal, and where the library's log goes."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from vidstyle.cli.event_stream import EventStream
from vidstyle.cli.messages import say
from vidstyle.cli.options import JobTelling, Telling
from vidstyle.errors import SettingsError
from vidstyle.files import printable
from vidstyle.process import keep_freed_memory

if TYPE_CHECKING:
    from vidstyle.jobs.events import Listener, Summary

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terminal:
    """Where a command tells what it does; where it is `quiet`, warnings and errors only.

    Results go to standard output, or into its `events` where programs read these there.
    """

    console: Console
    quiet: bool
    events: EventStream | None = None

    @contextmanager
    def starting(self) -> Iterator[None]:
        """A sign of life where someone looks on, while libraries are loaded, which takes seconds."""
        if self.quiet or not self.console.is_interactive:
            yield
        else:
            with self.console.status("starting"):
                yield

    @contextmanager
    def listening(self, previews: int | None = None) -> "Iterator[Listener]":
        """What shows a job, until it ends; `previews`: so many frames of it, 0 for one of each shot."""
        if self.events:
            from vidstyle.cli.event_listener import EventListener

            yield EventListener(self.events, previews)
            return
        from vidstyle.cli.console import JobConsole

        with JobConsole(self.console, self.quiet, previews) as listener:
            yield listener

    def made(self, *files: Path) -> None:
        """Files that are results."""
        if self.events:
            self.events.files += files
        else:
            self.result(*files)

    def result(self, *lines: object) -> None:
        """Results that are no files; events say them otherwise."""
        for line in lines if not self.events else ():
            print(line)

    def summary(self, summary: "Summary") -> None:
        """What a job did, for its last event."""
        if self.events:
            self.events.summary = {
                "frames": summary.frames,
                "seconds": summary.elapsed,
                "weights": summary.filters,
                "weights_sha256": summary.filters_sha256,
            }

    def hint(self, lines: Sequence[str]) -> None:
        """Shows what may be done next, where someone looks on."""
        if not self.quiet and self.console.is_interactive:
            for line in lines:
                self.console.print(Text(line, "dim"), soft_wrap=True)  # a command that is copied has no line breaks


@contextmanager
def open_terminal(telling: Telling) -> Iterator[Terminal]:
    """The terminal of a command that paints, its log going where `telling` says until it ends."""
    keep_freed_memory()
    console = error_console()
    events = EventStream() if isinstance(telling, JobTelling) and telling.json else None
    quiet = telling.quiet or events is not None
    with events.until_the_end() if events else nullcontext(), logging_to(console, quiet, telling.log_file):
        yield Terminal(console, quiet, events)


def error_console() -> Console:
    """The terminal's console for everything but results."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


@contextmanager
def logging_to(console: Console, quiet: bool = False, file: Path | None = None) -> Iterator[None]:
    """Shows the library's log on the console, until it ends, and writes all of it to a file.

    What third parties warn of goes to the file only. An exception that passes is written there with its traceback.

    Args:
        console: Where warnings are shown.
        quiet: Whether news are not shown.
        file: What all is appended to, if anything.

    Raises:
        SettingsError: The file cannot be written.
    """
    root, ours = logging.getLogger(), logging.getLogger("vidstyle")
    shown = _Lines(console, logging.WARNING if quiet else logging.INFO)
    kept: logging.Handler = _file_handler(file) if file else logging.NullHandler()
    level = ours.level
    root.addHandler(kept)
    ours.addHandler(shown)
    ours.setLevel(logging.DEBUG if file else logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    except BaseException as error:
        log.debug("ended by %s", type(error).__name__, exc_info=True)
        raise
    finally:
        logging.captureWarnings(False)
        ours.setLevel(level)
        ours.removeHandler(shown)
        root.removeHandler(kept)
        kept.close()


class _Lines(logging.Handler):
    """Log records as lines above the bars."""

    def __init__(self, console: Console, level: int) -> None:
        super().__init__(level)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        try:
            kind = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
            say(self._console, kind + printable(record.getMessage()))
        except Exception:
            self.handleError(record)


def _file_handler(file: Path) -> logging.Handler:
    try:
        handler = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise SettingsError("VS201", file=file, reason=error.strerror) from error
    handler.setFormatter(logging.Formatter(FORMAT))
    return handler
