"""The command line: words in, exit code out."""

import difflib
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from cyclopts import App, CycloptsError
from cyclopts.exceptions import UnusedCliTokensError

from vidstyle import __version__
from vidstyle.cli.completion import add_completion
from vidstyle.cli.doctor import doctor
from vidstyle.cli.examples import START, examples
from vidstyle.cli.filters_command import weights
from vidstyle.cli.job_commands import join, plan, report
from vidstyle.cli.job_commands import paint as paint_shot
from vidstyle.cli.messages import fault_text, say
from vidstyle.cli.options import COMMANDS
from vidstyle.cli.serve import serve
from vidstyle.cli.study_commands import layers, progress, reconstruct, texture
from vidstyle.cli.stylize import paint
from vidstyle.cli.terminal import error_console
from vidstyle.cli.webcam import webcam
from vidstyle.errors import UsageError, VidstyleError
from vidstyle.files import printable
from vidstyle.process import prepare_process

FAILED, WRONG_USAGE, STOPPED_BY = 1, 2, 128  # and the number of the signal: 130 for Ctrl-C
PATIENCE = 5.0  # seconds in which a repeated signal is the same wish

USAGE = """\
Usage: vidstyle INPUT --style IMAGE [-o OUTPUT] [OPTIONS]
       vidstyle webcam --style IMAGE [--snapshot OUTPUT | --record OUTPUT]
       vidstyle progress IMAGE --style IMAGE [-o OUTPUT.gif]
       vidstyle reconstruct IMAGE
       vidstyle texture STYLE
       vidstyle layers IMAGE --style IMAGE
       vidstyle report OUTPUT --source INPUT --style IMAGE
       vidstyle plan INPUT --style IMAGE
       vidstyle paint FOLDER SHOT
       vidstyle join FOLDER
       vidstyle serve
       vidstyle weights [status | fetch | import | teach]
       vidstyle doctor"""

log = logging.getLogger(__name__)


class StopSignal(KeyboardInterrupt):
    """Ctrl-C, or the system asked to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


app = App(
    name="vidstyle",
    help="Paint a video, an image or a folder of images in the style of an image.",
    usage=USAGE,
    help_epilogue=examples(),
    help_format="plaintext",
    version=__version__,
    group_commands=COMMANDS,
    suppress_keyboard_interrupt=False,
)
app.default(paint)
for command in (webcam, progress, reconstruct, texture, layers, report, plan, paint_shot, join, serve, doctor):
    app.command(command, help_epilogue=examples(command.__name__))
app.command(weights)
add_completion(app)
app["--help"].help = "Show this help."
app["--version"].help = "Show the version."


def main(words: Sequence[str] | None = None) -> int:
    """Does what the words (else those of the command line) say; the exit code."""
    prepare_process()
    words = sys.argv[1:] if words is None else words
    with _stop_signals():
        try:
            if words:
                app(words, exit_on_error=False, print_error=False, result_action="return_value")
            else:
                print(START)
        except (CycloptsError, UsageError) as error:
            return _fail(WRONG_USAGE, _wrong(error, words))
        except VidstyleError as error:
            return _fail(FAILED, f"{error} [{error.code}]")
        except StopSignal as stop:
            return _fail(STOPPED_BY + stop.number, "stopped")
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except Exception as error:
            return _fail(FAILED, _fault(error))
    return 0


def _fail(code: int, message: str) -> int:
    say(error_console(), f"vidstyle: {printable(message)}")
    return code


def _wrong(error: CycloptsError | UsageError, words: Sequence[str]) -> str:
    """What is wrong with the words, and where help is."""
    command, *_ = app.parse_commands(words)
    chain = " ".join(["vidstyle", *command])
    text = _of_unused(error, chain) if isinstance(error, UnusedCliTokensError) else str(error)
    code = f" [{error.code}]" if isinstance(error, UsageError) else ""
    return f"{text}{'' if text.endswith(('.', '?')) else '.'} Try '{chain} --help'.{code}"


def _of_unused(error: UnusedCliTokensError, chain: str) -> str:
    word, *_ = error.unused_tokens or [""]
    names = [name for name in error.app or () if not name.startswith("-")]
    if error.app is app or not names:
        return f"{word!r} is one argument too many: give one INPUT, and each style after --style."
    near = difflib.get_close_matches(word, names, 1) or names
    return f"'{chain}' has no command {word!r}. Did you mean {' or '.join(near)}?"


def _fault(error: Exception) -> str:
    """An error that the library does not explain: full memory and disks, and what is really a fault."""
    if os.environ.get("VIDSTYLE_DEBUG") == "1":
        traceback.print_exception(error)
    return fault_text(error)


@contextmanager
def _stop_signals() -> Iterator[None]:
    """Until it ends, signals that ask to stop raise StopSignal, unless they are ignored as under nohup.

    Those that follow soon do nothing: a second Ctrl-C must not cut the writing of what is done.
    """
    stopped_at = float("-inf")

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal stopped_at
        if time.monotonic() - stopped_at > PATIENCE:
            stopped_at = time.monotonic()
            raise StopSignal(number)

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if stopped_at > 0 else handler)  # about to end: nothing left to stop
