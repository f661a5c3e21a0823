"""Whether a path is a file that can be read, found out before anything reads it, in a time that has an end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from vidstyle.errors import SourceError
from vidstyle.files import printable

PATIENCE = 30.0  # seconds that a disk or a network drive may take to answer

Result = TypeVar("Result")


def require_file(path: Path) -> None:
    """Raise SourceError unless ``path`` is a file that can be read, holds something, and answers within PATIENCE."""
    answered(lambda: _require_file(path), printable(path.name or path))


def answered(ask: Callable[[], Result], name: str, seconds: float | None = None) -> Result:
    """What ``ask()`` returns or raises; SourceError when that takes more than ``seconds``, else PATIENCE.

    A call into a drive that has gone away cannot be ended, so it is left behind in its thread.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(ask())
        except BaseException as error:
            errors.append(error)

    seconds = PATIENCE if seconds is None else seconds
    thread = threading.Thread(target=work, name="vidstyle-asks", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise SourceError(
            f"{name} gives no answer for {seconds:g} s: is its drive there, or its network? Try again, or copy it here."
        )
    return results[0]


def _require_file(path: Path) -> None:
    name = printable(path.name or path)
    try:
        if path.is_dir():
            raise SourceError(f"{name} is a folder, not a file; name a file in it.")
        if not path.exists():
            raise SourceError(f"{name} does not exist; check the name.")
        if not path.is_file():
            raise SourceError(f"{name} is a device or pipe, not a file; save it to a file first.")
        if path.stat().st_size == 0:
            raise SourceError(f"{name} is empty (0 bytes); copy it again.")
        with path.open("rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{name} cannot be read ({text}); check its permissions.") from error
