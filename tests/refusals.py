"""What is refused, by its code: sentences may change, so no test goes by them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from vidstyle.errors import VidstyleError


@contextmanager
def refused(code: str, *facts: str) -> Iterator[pytest.ExceptionInfo[VidstyleError]]:
    """The block ends in the error of the `code`, and its text names the `facts`: files, numbers, options."""
    with pytest.raises(VidstyleError) as caught:
        yield caught
    error = caught.value
    assert error.code == code, error.line
    missing = [fact for fact in facts if fact not in str(error)]
    assert not missing, f"{error.line} does not name {missing}"
