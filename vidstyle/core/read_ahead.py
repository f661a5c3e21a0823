"""A thread that works slightly ahead of the consumer of its results."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

READ_AHEAD = 3  # decoding is far faster than painting, so few are enough
LEAVING = 10.0  # seconds in which the thread is to end; one that hangs in a call cannot be ended

Item = TypeVar("Item")
Sign = Callable[[], None]


class HangError(Exception):
    """Nothing arrived for too long."""


class ReadAhead(Generic[Item]):
    """Runs the generator ``items(sign)`` in a thread, a few items ahead of the consumer, which also gets its errors.

    Raises HangError if neither an item nor a call of ``sign`` comes for ``patience`` seconds. ``sign`` also ends the
    generator when no more items are wanted.
    """

    def __init__(self, items: Callable[[Sign], Generator[Item]], patience: float = float("inf")) -> None:
        self._patience = patience
        self._queue: queue.Queue[Item | BaseException | None] = queue.Queue(READ_AHEAD)
        self._stopped = threading.Event()
        self._signed = time.monotonic()
        self._items = items(self._sign)
        self._thread = threading.Thread(target=self._work, name="vidstyle-read-ahead", daemon=True)
        self._thread.start()

    def _sign(self) -> None:
        if self._stopped.is_set():
            raise GeneratorExit
        self._signed = time.monotonic()

    def _work(self) -> None:
        last: BaseException | None = None
        try:
            for item in self._items:
                if not self._put(item):
                    break
        except BaseException as error:
            last = error
        finally:
            self._items.close()
            self._put(last)

    def _put(self, item: Item | BaseException | None) -> bool:
        while not self._stopped.is_set():
            self._signed = time.monotonic()
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def __iter__(self) -> Iterator[Item]:
        while not self._stopped.is_set():
            try:
                item = self._queue.get(timeout=0.5)
            except queue.Empty:
                if time.monotonic() - self._signed > self._patience:
                    raise HangError from None
                continue
            if isinstance(item, BaseException):
                raise item
            if item is None:
                return
            yield item

    def close(self) -> None:
        """Stop the thread and wait for its end."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join(LEAVING)
