"""Text from outside is shown as it is, and an error is one line with what to do."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import RecoError
from resources.plain_errors import explain, explain_text
from resources.text.plain_text import in_markdown, markdown_table, printable


@given(st.text())
def test_printable_text_has_no_control_character_and_no_line_end(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("a\nb", "a b"),
        ("[pay](http://x.y)", r"\[pay\](http:\//x.y)"),
        ("<img src=x>", r"\<img src=x\>"),
        ("`rm`", r"\`rm\`"),
        ("www.evil.com", r"www\.evil.com"),
        ("2020-01-01 00:00", "2020-01-01 00:00"),
        ("\x1b[31mred", r"?\[31mred"),
    ],
)
def test_markdown_shows_text_as_text(text: str, shown: str) -> None:
    assert in_markdown(text) == shown


def test_no_cell_breaks_a_markdown_table() -> None:
    assert markdown_table(["file", "rows"], [["a|b.csv", "1"], ["a\nb", ""]]) == [
        "| file | rows |",
        "|---|---|",
        r"| a\|b.csv | 1 |",
        "| a b |  |",
    ]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RecoError("Do this.\nAnd \x1b[31mthat."), "Do this.\nAnd ?[31mthat."),
        (OSError(errno.ENOSPC, "No space left on device", "/lake/x"), "No space is left to write /lake/x. Free some"),
        (PermissionError(errno.EACCES, "Permission denied", "/lake"), "/lake may not be read or written by this user"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/lake/_locks"), "/lake/_locks is in the way"),
        (ValueError("first\nsecond"), "ValueError: first"),
        (KeyError(), "KeyError"),
    ],
)
def test_an_error_is_explained(error: Exception, told: str) -> None:
    assert explain(error).startswith(told)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("[Errno 20] Not a directory: '/lake/_locks'", "/lake/_locks is in the way"),
        ("Generic LocalFileSystem error: No space left on device (os error 28)", "No space is left to write"),
        ("Kernel error: Json error: Encountered unexpected 'g'", "A file of a table is damaged or gone: Kernel error"),
        (
            "Kernel error\n\x1b[31m↳\x1b[0m Error performing GET http://s3/x (os error 111)",
            "Object storage failed: Kernel",
        ),
        ("AWS Error ACCESS_DENIED during HeadObject operation", "Object storage failed: AWS Error ACCESS_DENIED"),
        (
            "An error occurred while calling o86.save.\n: org.apache.hadoop.fs.s3a.UnknownStoreException: No\n\tat x",
            "Object storage failed: org.apache.hadoop.fs.s3a.UnknownStoreException: No. Check",
        ),
        ("Parquet magic bytes not found in footer.\nmore", "A file of a table is damaged or gone: Parquet magic bytes"),
    ],
)
def test_an_error_that_a_run_recorded_as_text_is_explained_too(message: str, told: str) -> None:
    shown = explain_text("SomeError", message)
    assert shown.startswith(told)
    assert "\n" not in shown
