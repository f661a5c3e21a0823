"""What a command runs in: its terminal, and where the library's log goes."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from vidstyle.cli.messages import say
from vidstyle.cli.options import Telling
from vidstyle.errors import SettingsError
from vidstyle.files import printable
from vidstyle.process import keep_freed_memory

if TYPE_CHECKING:
    from vidstyle.cli.console import JobConsole

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terminal:
    """Where a command tells what it does; where it is `quiet`, warnings and errors only."""

    console: Console
    quiet: bool

    @contextmanager
    def starting(self) -> Iterator[None]:
        """A sign of life where someone looks on, while libraries are loaded, which takes seconds."""
        if self.quiet or not self.console.is_interactive:
            yield
        else:
            with self.console.status("starting"):
                yield

    @contextmanager
    def listening(self, previews: int | None = None) -> "Iterator[JobConsole]":
        """What shows a job, until it ends; `previews`: so many frames of it, 0 for one of each shot."""
        from vidstyle.cli.console import JobConsole

        with JobConsole(self.console, self.quiet, previews) as listener:
            yield listener

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
    with logging_to(console, telling.quiet, telling.log_file):
        yield Terminal(console, telling.quiet)


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
