"""The newest of what comes."""

import threading
from collections.abc import Generator

import pytest

from vidstyle.video.camera import Newest


def test_what_nobody_asked_for_is_dropped() -> None:
    given, sent = threading.Event(), threading.Event()

    def numbers() -> Generator[int, None, None]:
        yield 1
        given.wait()
        yield 2
        yield 3
        sent.set()

    newest = Newest(numbers())
    assert newest.next() == 1
    given.set()
    assert sent.wait(10)
    assert newest.next() == 3
    assert newest.latest == 3
    assert newest.next() is None
    assert newest.ended
    assert newest.seen == 3


def test_waits_no_longer_than_asked() -> None:
    stop = threading.Event()

    def nothing() -> Generator[int, None, None]:
        stop.wait()
        yield 1

    newest = Newest(nothing())
    assert newest.next(timeout=0.01) is None
    assert not newest.ended
    stop.set()
    newest.close()
    assert newest.next() == 1


def test_errors_come_out_after_the_last_item() -> None:
    def failing() -> Generator[int, None, None]:
        yield 1
        raise OSError("unplugged")

    newest = Newest(failing())
    newest.close()
    assert newest.next() == 1
    assert not newest.ended
    with pytest.raises(OSError, match="unplugged"):
        newest.next()


def test_closing_ends_the_items() -> None:
    ended = threading.Event()

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                yield 0
        finally:
            ended.set()

    newest = Newest(endless())
    newest.close()
    assert ended.is_set()
