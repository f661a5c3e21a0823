"""Files that are whole or not there, and paths that are checked before anything reads or writes them."""

from __future__ import annotations

import difflib
import errno
import hashlib
import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any, TypeVar

from vidstyle.errors import SinkError, SourceError

CHUNK = 1 << 22  # bytes read at a time
PATIENCE = 30.0  # seconds that a disk or a network drive may take to answer

Result = TypeVar("Result")


def printable(text: object) -> str:
    """`text` on one line, its control characters made visible: a file name cannot move the cursor."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(text).splitlines()))


def require_name(path: str | os.PathLike[str]) -> None:
    """SourceError for what no file can be called; whether there is such a file is not asked."""
    try:
        os.stat(path)
    except ValueError as error:
        raise SourceError("VS310", path=os.fspath(path), error=error) from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise SourceError("VS316", path=os.fspath(path)) from error


def refuse_address(path: Path) -> None:
    """SourceError for what is an address, like ``https://...``, of which Path keeps one slash."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(path)):
        raise SourceError("VS308", path=str(path).replace(":/", "://", 1))


def check_there(path: Path, what: str, others: Mapping[str, str] | None = None) -> None:
    """SourceError with the nearest name where there is no such file or folder, unless it is a pattern.

    Args:
        path: What is looked for.
        what: What it is called.
        others: Names that may be meant, with what they are called, beside those in the folder of `path`.
    """
    require_name(path)
    if path.exists() or re.search(r"[*?\[]", path.name):
        return
    refuse_address(path)
    if path.is_symlink():
        raise SourceError("VS305", path=path)
    others = others or {}
    hints = [others[name] for name in difflib.get_close_matches(str(path), others, 1)]
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    hints += [str(path.with_name(name)) for name in difflib.get_close_matches(path.name, beside, 1)]
    raise SourceError("VS304", path=path, what=what, hint=f"did you mean {hints[0]}?" if hints else "check the name")


def require_file(path: Path) -> None:
    """SourceError unless `path` is a file that can be read, holds something, and answers within PATIENCE."""
    answered(lambda: _require_file(path), printable(path.name or path))


def _require_file(path: Path) -> None:
    name = printable(path.name or path)
    try:
        if path.is_dir():
            raise SourceError("VS311", name=name)
        if not path.exists():
            raise SourceError("VS312", name=name)
        if not path.is_file():
            raise SourceError("VS313", name=name)
        if path.stat().st_size == 0:
            raise SourceError("VS314", name=name)
        with path.open("rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise SourceError("VS315", name=name, text=text) from error


def answered(ask: Callable[[], Result], name: str, seconds: float = PATIENCE) -> Result:
    """What a call returns or raises, if that takes no longer than a disk may take to answer.

    A call into a drive that has gone away cannot be ended, so it is left behind in its thread.

    Args:
        ask: The call.
        name: What is asked for, as people know it.
        seconds: How long it may take.

    Raises:
        SourceError: It takes longer.
    """
    answer: Future[Result] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=work, name="vidstyle-asks", daemon=True).start()
    wait([answer], seconds)
    if not answer.done():
        raise SourceError("VS309", name=name, seconds=seconds)
    return answer.result()


def sha256_of(path: Path, on_progress: Callable[[float], None] | None = None) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits; `on_progress` is told the share 0..1 that was read."""
    digest, size, done = hashlib.sha256(), max(1, path.stat().st_size), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if on_progress:
                on_progress(min(1.0, done / size))
    return digest.hexdigest()


def from_json(text: str) -> Any:
    """What a JSON text says; ValueError for what is none, however deep it goes."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def refuse_existing(paths: Iterable[Path], overwrite: bool) -> None:
    """SinkError for the first of the `paths` that is there already, unless they may be overwritten."""
    for path in paths:
        if path.exists() and not overwrite:
            raise SinkError("VS402", path=path)


def check_target(path: Path, endings: Sequence[str], *, overwrite: bool = False) -> None:
    """Checks whether a file can be written.

    Args:
        path: The file.
        endings: Those that it may have, with their dots, in lower case.
        overwrite: Whether it may be there already.

    Raises:
        SinkError: It has another ending, is there already or is a folder, or nothing can be written to its folder.
        SourceError: No file can be called so.
    """
    require_name(path)
    if path.suffix.lower() not in endings:
        raise SinkError("VS414", path=path, suffix=path.suffix, endings=" or ".join(endings))
    require_place(path)
    refuse_existing([path], overwrite)


def require_place(path: Path) -> None:
    """SinkError where `path` is a folder, or its own folder does not exist or is not writable."""
    folder = path.absolute().parent
    if path.is_dir():
        raise SinkError("VS415", path=path)
    if not folder.is_dir():
        raise SinkError("VS417", path=path, folder=folder)
    if not os.access(folder, os.W_OK):
        raise SinkError("VS418", path=path, folder=folder)


def write_target(path: Path, data: bytes, endings: Sequence[str], *, overwrite: bool = False) -> None:
    """Writes `data` whole or not at all, after the checks of `check_target`; SinkError where that cannot be done."""
    check_target(path, endings, overwrite=overwrite)
    try:
        write_whole(path, data)
    except OSError as error:
        raise SinkError("VS419", path=path, reason=error.strerror) from error


def write_whole(path: Path, data: bytes) -> None:
    """Writes `data` by a temporary name, so that `path` is never half a file; OSError where that cannot be done."""
    part = path.with_name(f".{secrets.token_hex(8)}.part")  # as short as may be: names have at most 255 bytes
    try:
        part.write_bytes(data)
        put_in_place(part, path)
    finally:
        part.unlink(missing_ok=True)


def put_in_place(part: Path, target: Path) -> None:
    """Gives a finished file or folder, on the same disk, the name `target`: all of it outlives a loss of power.

    OSError where that cannot be done.
    """
    if not part.is_dir():  # of folders, all files that are in it were put there so
        _to_disk(part, os.O_RDWR)
    os.replace(part, target)
    if os.name == "posix":  # else folders cannot be opened
        _to_disk(target.parent, os.O_RDONLY)


def _to_disk(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
