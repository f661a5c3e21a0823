"""Files that are whole or not there, whatever happens while they are written."""

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

CHUNK = 1 << 22  # bytes read at a time


def put_in_place(part: Path, target: Path) -> None:
    """Gives the finished file `part`, on the same disk, the name `target`: all of it outlives a loss of power."""
    _to_disk(part, os.O_RDWR)
    os.replace(part, target)
    if os.name == "posix":  # else folders cannot be opened
        _to_disk(target.parent, os.O_RDONLY)


def write_whole(path: Path, data: bytes) -> None:
    """Writes `data` by a temporary name, so that `path` is never half a file."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(data)
        put_in_place(part, path)
    finally:
        part.unlink(missing_ok=True)


def sha256_of(path: Path, on_progress: Callable[[float], None] | None = None) -> str:
    """The SHA-256 of a file; `on_progress` is told the share that was read."""
    digest, size, done = hashlib.sha256(), max(1, path.stat().st_size), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if on_progress:
                on_progress(min(1.0, done / size))
    return digest.hexdigest()


def _to_disk(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
