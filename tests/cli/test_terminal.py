"""The surroundings of a command: its log, and the memory of its process."""

import io
import logging
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from vidstyle.cli.terminal import logging_to

PAGES = 8192  # of 4 KiB: 32 MB in blocks

ASK_AGAIN = f"""
import resource
from vidstyle.cli.terminal import keep_freed_memory
if {{keep}}:
    assert keep_freed_memory()
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [bytearray({{size}}) for _ in range({PAGES} * 4096 // {{size}})]
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    del blocks
print(faults)
"""


def faults(keep: bool, size: int) -> int:
    ran = subprocess.run(
        [sys.executable, "-c", ASK_AGAIN.format(keep=keep, size=size)], capture_output=True, check=True, text=True
    )
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
@pytest.mark.parametrize("size", [100_000, 4_000_000])
def test_freed_memory_is_used_again_without_a_page_fault(size: int) -> None:
    assert faults(keep=False, size=size) > PAGES / 2
    assert faults(keep=True, size=size) < PAGES / 10


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
