"""What happens, for programs: JSON on standard output, one object per line. Nothing heavy is imported."""

import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from vidstyle.cli.messages import fault_text
from vidstyle.errors import VidstyleError

Progress = Literal["started", "working", "resumed", "progress", "file", "file_failed", "warning"]
End = Literal["finished", "failed", "stopped"]


class EventStream:
    """Prints events. The last one is ``finished``, ``failed`` or ``stopped``, and has the `files` that were made.

    Args:
        summary: What is added to ``finished``.
        stop: What is added to ``stopped``.
    """

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.summary: dict[str, Any] = {}
        self.stop: dict[str, Any] = {"partial": None, "frames": 0, "kept": 0}

    def write(self, event: Progress | End, **facts: object) -> None:
        """One event; numbers that are not finite become null, and paths strings."""
        sys.stdout.write(json.dumps(_finite({"event": event, **facts}), default=str) + "\n")
        sys.stdout.flush()

    def failed(self, event: Literal["failed", "file_failed"], error: Exception, **facts: object) -> None:
        """An event about an error: its code, the facts that its text names, and the text."""
        if isinstance(error, VidstyleError):
            self.write(event, code=error.code, facts=error.facts, text=str(error), **facts)
        else:
            self.write(event, code=None, facts={}, text=fault_text(error), **facts)

    @contextmanager
    def until_the_end(self) -> Iterator[None]:
        """Prints warnings of the library as events, and how the block ends as the last one."""
        warnings, ours = _Warnings(self), logging.getLogger("vidstyle")
        ours.addHandler(warnings)
        try:
            yield
        except BrokenPipeError:  # nobody reads any more
            raise
        except KeyboardInterrupt:
            self.write("stopped", **self.stop, files=self.files)
            raise
        except Exception as error:
            self.failed("failed", error, files=self.files)
            raise
        finally:
            ours.removeHandler(warnings)
        self.write("finished", files=self.files, **self.summary)


class _Warnings(logging.Handler):
    """Log records as events."""

    def __init__(self, events: EventStream) -> None:
        super().__init__(logging.WARNING)
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        self._events.write("warning", text=record.getMessage())


def _finite(facts: Mapping[str, object]) -> dict[str, object]:
    """JSON has no infinite numbers and no NaN."""
    inner = {name: _finite(value) if isinstance(value, Mapping) else value for name, value in facts.items()}
    return {n: None if isinstance(value, float) and not math.isfinite(value) else value for n, value in inner.items()}
