"""What is asked before something is changed."""

import io
import sys
from collections.abc import Callable

import pytest
import typer

from reco_assets.cli.options import NobodyToAskError, confirm


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr(sys, "stdin", Terminal(text))


def test_a_yes_on_the_terminal_lets_it_go_on(answer: Callable[[str], None]) -> None:
    answer("y\n")
    confirm("Go on?", yes=False)


def test_a_no_on_the_terminal_ends_the_command(answer: Callable[[str], None]) -> None:
    answer("n\n")
    with pytest.raises(typer.Abort):
        confirm("Go on?", yes=False, undone_by="reco model rollback")


def test_who_said_yes_is_not_asked(answer: Callable[[str], None]) -> None:
    answer("n\n")
    confirm("Go on?", yes=True)


def test_where_nobody_can_be_asked_what_can_be_undone_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    confirm("Go on?", yes=False, undone_by="reco model rollback")


def test_where_nobody_can_be_asked_what_cannot_be_undone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(NobodyToAskError, match="say --yes"):
        confirm("Go on?", yes=False)
