"""Errors by their codes: each is raised with what its text names, and is told in one line."""

import ast
import pickle
import string
from collections import defaultdict
from pathlib import Path

import pytest

import vidstyle
from vidstyle import errors
from vidstyle.errors import TEXTS, JobError, SettingsError, VidstyleError
from vidstyle.video.muxer import TooLargeError

KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, VidstyleError)}
KINDS |= {"TooLargeError", "DivergedError", "UnreachableError"}


def raised() -> dict[str, list[tuple[str, set[str]]]]:
    """By code, the class that each place makes an error of, and the values that it gives."""
    found: dict[str, list[tuple[str, set[str]]]] = defaultdict(list)
    for file in Path(vidstyle.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            kind = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
            code = node.args[0]
            if (kind in KINDS or kind == "super().__init__") and isinstance(code, ast.Constant) and code.value in TEXTS:
                found[code.value].append((kind, {str(word.arg) for word in node.keywords}))
            else:
                assert kind not in KINDS - {"TooLargeError"}, f"{file.name}:{node.lineno}: no code"
    return found


RAISED = raised()


@pytest.mark.parametrize("code", TEXTS)
def test_every_text_is_used_with_the_values_that_it_names(code: str) -> None:
    named = {field for _, field, _, _ in string.Formatter().parse(TEXTS[code]) if field is not None}
    assert RAISED[code]
    assert all(values == named for _, values in RAISED[code])


def test_codes_rise_and_texts_are_single_lines_that_stand_once() -> None:
    assert list(TEXTS) == sorted(TEXTS)
    assert all(code[:2] == "VS" and code[2:].isdecimal() and len(code) == 5 for code in TEXTS)
    assert not [text for text in TEXTS.values() if "\n" in text]
    by_family = [(code[2], text) for code, text in TEXTS.items()]
    assert len(set(by_family)) == len(by_family)


def test_an_error_says_its_text_and_knows_its_code() -> None:
    error = SettingsError("VS241", name="finest", near="fine")
    assert error.code == "VS241"
    assert str(error) == "there is no preset 'finest'; use fine"


@pytest.mark.parametrize("error", [JobError("VS525"), TooLargeError("a.gif", 2_000_000, 1_000_000)])
def test_errors_come_whole_from_other_processes(error: VidstyleError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
