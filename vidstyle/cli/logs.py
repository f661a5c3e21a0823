"""Where messages go: the library's log to the terminal above the bars, all of it to a file where one is wanted."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from vidstyle.errors import SettingsError
from vidstyle.files import printable

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

log = logging.getLogger(__name__)


def error_console() -> Console:
    """The terminal's console for everything but results."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(console: Console, line: str) -> None:
    """One line as it is: not wrapped, not coloured, nothing in it taken for markup."""
    console.print(Text(line), soft_wrap=True)


@contextmanager
def logging_to(console: Console, quiet: bool = False, file: Path | None = None) -> Iterator[None]:
    """Until it ends, shows warnings (and news, unless `quiet`) on the console and writes all to `file`.

    What third parties warn of goes to the file only. An exception that passes is written there with its traceback.
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


@contextmanager
def starting(console: Console, quiet: bool) -> Iterator[None]:
    """A sign of life on a terminal while libraries are loaded, which takes seconds."""
    if quiet or not console.is_interactive:
        yield
    else:
        with console.status("starting"):
            yield


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
