"""A thread that takes things as they come, and keeps only the newest of them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Newest(Generic[Item]):
    """Runs ``items`` in a thread; what nobody asked for before the next came is gone. Errors come out at who asks."""

    def __init__(self, items: Generator[Item, None, None]) -> None:
        self._items = items
        self._changed = threading.Condition()
        self._newest: Item | None = None
        self._number, self._asked = 0, 0
        self._error: BaseException | None = None
        self._ended = self._stopped = False
        self._thread = threading.Thread(target=self._work, name="vidstyle-newest", daemon=True)
        self._thread.start()

    def next(self, timeout: float | None = None) -> Item | None:
        """The newest item that was not given out yet, as soon as there is one; None at the end, or after `timeout`
        seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._number > self._asked, timeout)
            if self._number > self._asked:
                self._asked = self._number
                return self._newest
            if self._error:
                raise self._error
            return None

    @property
    def latest(self) -> Item | None:
        """The newest item, given out or not."""
        return self._newest

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come, or to take."""
        with self._changed:
            return self._ended and self._number <= self._asked and self._error is None

    @property
    def seen(self) -> int:
        """How many items there were so far, taken or not."""
        return self._number

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                with self._changed:
                    self._newest, self._number = item, self._number + 1
                    self._changed.notify_all()
                if self._stopped:
                    break
        except BaseException as caught:
            error = caught
        finally:
            self._items.close()
            with self._changed:
                self._ended, self._error = True, error
                self._changed.notify_all()

    def close(self) -> None:
        """Stop the thread after the item it works on, and wait for its end."""
        self._stopped = True
        if self._thread is not threading.current_thread():
            self._thread.join()
