"""The one place that starts ffmpeg: argument lists only, no network, no standard input, no shell."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from vidstyle.errors import VidstyleError
from vidstyle.files import printable

# A playlist names other files and addresses, so only formats that hold their own frames are opened.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,ivf,flv,asf,ogg,dv,mxf,nut,wtv,rm,"
    "yuv4mpegpipe,wav,mp3,aac,flac,ac3,caf"
)
NO_ROOM = [  # exit codes where a file cannot be written
    256 - number for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM)
]
CRASHES = [-number for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGILL, signal.SIGFPE)]  # the same, of faults
_PROGRESS = re.compile(r"\w+=")
PATIENCE = 120.0  # seconds without a sign of ffmpeg, after which it hangs
PROTOCOLS = "file,pipe"
FILES_ONLY = ["-protocol_whitelist", PROTOCOLS]


@dataclass(frozen=True)
class Finished:
    """How one ffmpeg run ended: exit status (None: stopped at its time limit), standard output, log."""

    code: int | None
    output: bytes
    log: str


def executable() -> str:
    """Path of the ffmpeg that is used: the bundled one, or IMAGEIO_FFMPEG_EXE. VidstyleError VS805 where none is."""
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise _missing("there is none") from error


def _missing(reason: str) -> VidstyleError:
    return VidstyleError("VS805", reason=reason)


def address(path: Path) -> str:
    """`path` so that ffmpeg takes it as a file, whatever dashes, colons or percent signs it holds."""
    return f"file:{path.absolute()}"


def input_arguments(path: Path | None, *demuxer: str) -> list[str]:
    """Arguments that open a file and nothing it may point to.

    Args:
        path: the file; None for standard input.
        demuxer: options that say what the file is; without any, ffmpeg finds out which of FORMATS it is.
    """
    known = demuxer or ("-format_whitelist", FORMATS)
    return [*FILES_ONLY, *known, "-i", "pipe:0" if path is None else address(path)]


def raw_input(
    size: tuple[int, int], rate: Fraction, path: Path | None = None, *, pixel_format: str = "rgb24"
) -> list[str]:
    """Arguments that read raw RGB frames.

    Args:
        size: (height, width) in pixels.
        rate: frames a second.
        path: the file; None for standard input.
        pixel_format: by ffmpeg's name.
    """
    shape = ["-video_size", f"{size[1]}x{size[0]}", "-framerate", str(rate)]
    return input_arguments(path, "-f", "rawvideo", "-pixel_format", pixel_format, *shape)


def command(arguments: list[str], *, level: str = "error") -> list[str]:
    """The full argument list of an ffmpeg run whose log is of `level` (error, info, debug)."""
    return [executable(), "-hide_banner", "-nostdin", "-y", "-v", level, *arguments]


def run(arguments: list[str], *, level: str = "error", seconds: float | None = None) -> Finished:
    """Run ffmpeg to its end, or for `seconds` at most; what it wrote until then is returned either way."""
    process = start(command(arguments, level=level), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        output, log = process.communicate(timeout=seconds)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        output, log = process.communicate()
        code = None
    finally:
        stop(process)
    return Finished(code, output, log.decode("utf-8", "replace"))


def run_with_progress(arguments: list[str], on_frame: Callable[[int], None] = lambda _: None) -> Finished:
    """Run ffmpeg and call `on_frame` with the number of frames written so far, about twice a second.

    It is stopped where it hangs; the log says so.
    """
    process = start(
        command(["-nostats", "-progress", "pipe:1", *arguments]),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    log: list[str] = []
    try:
        assert process.stdout is not None
        with contextlib.closing(Watch(process)) as watch:
            for raw in process.stdout:
                watch.sign()
                line = raw.decode("utf-8", "replace").strip()
                if line.startswith("frame="):
                    with contextlib.suppress(ValueError):
                        on_frame(int(line[6:]))
                elif line and not _PROGRESS.match(line):
                    log = [*log[-40:], line]
            code = process.wait()
    finally:
        stop(process)
    return Finished(code, b"", "\n".join([*log, watch.verdict]))


class Watch:
    """Kills a process that gives no sign for PATIENCE seconds, since what it reads or writes hangs.

    Attributes:
        idle: nothing is expected of the process now.
        hung: it was killed.
    """

    def __init__(self, process: subprocess.Popen[bytes], *, idle: bool = False) -> None:
        self.idle, self.hung = idle, False
        self._process = process
        self._signs = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="vidstyle-watch", daemon=True)
        self._thread.start()

    @property
    def verdict(self) -> str:
        """A line for the log where the process did not end by itself."""
        if self.hung:
            return f"ffmpeg hung for {PATIENCE:g} s and was stopped"
        code = self._process.returncode
        return f"ffmpeg was ended by signal {-code}" if code is not None and code < 0 else ""

    def sign(self) -> None:
        """The process works."""
        self._signs += 1

    def _work(self) -> None:
        before = -1
        while not self._ended.wait(PATIENCE / 2):
            now = -1 if self.idle else self._signs
            if now == before != -1:
                self.hung = True
                self._process.kill()
                return
            before = now

    def close(self) -> None:
        """End the watch. May be called twice."""
        self._ended.set()
        self._thread.join()


def start(arguments: list[str], **streams: int | None) -> subprocess.Popen[bytes]:
    """Start a child that the terminal's Ctrl-C does not reach: this program decides when it ends.

    Its stdin, stdout and stderr are closed but for the `streams` given. VidstyleError VS805 where it cannot start.
    """
    try:
        return subprocess.Popen(
            arguments,
            stdin=streams.get("stdin", subprocess.DEVNULL),
            stdout=streams.get("stdout", subprocess.DEVNULL),
            stderr=streams.get("stderr", subprocess.DEVNULL),
            start_new_session=os.name == "posix",
        )
    except OSError as error:
        raise _missing(f"{arguments[0]}: {error.strerror}") from error


def stop(process: subprocess.Popen[bytes]) -> None:
    """End `process` if it still runs, and close its pipes."""
    if process.poll() is None:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def reason(log: str) -> str:
    """The line of an ffmpeg log that tells most, without the `[part @ address]` in front of it."""
    lines = [line.rpartition("] ")[2].strip() for line in log.splitlines() if line.strip()]
    echoes = (
        "Could not open encoder",
        "Error muxing",
        "Error opening output",
        "Error sending frames",
        "Error while opening encoder",
        "Nothing was written",
        "Task finished",
        "Terminating",
        "Conversion failed",
        "Error writing trailer",
    )
    telling = [line for line in lines if not line.startswith(("Last message", *echoes))]
    for words in ("No space left", "Permission denied", "File too large"):
        telling = [line for line in telling if words in line] or telling
    chosen = telling or lines
    return printable(chosen[-1].removeprefix("Error opening input: ")) if chosen else "ffmpeg gave no reason"
