"""The surroundings of a command: its log, and the memory of its process."""

import io
import logging
from pathlib import Path

from rich.console import Console

from vidstyle.cli.terminal import logging_to


def console() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream), stream


def test_messages_of_the_library_are_lines() -> None:
    log = logging.getLogger("vidstyle.video.reader")
    for quiet, wanted in ((False, ["news [bold]", "warning: trouble"]), (True, ["warning: trouble"])):
        terminal, stream = console()
        with logging_to(terminal, quiet):
            log.debug("details")
            log.info("news [bold]")
            log.warning("trouble")
        assert stream.getvalue().splitlines() == wanted


def test_the_log_file_gets_everything(tmp_path: Path) -> None:
    terminal, stream = console()
    with logging_to(terminal, True, tmp_path / "log"):
        logging.getLogger("vidstyle.jobs").debug("details")
        logging.getLogger("py.warnings").warning("a third party complains")
    assert stream.getvalue() == ""
    text = (tmp_path / "log").read_text()
    assert "DEBUG vidstyle.jobs: details" in text
    assert "a third party complains" in text
    assert text[:4].isdigit()
