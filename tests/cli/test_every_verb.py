"""What holds of every verb of `reco`."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from reco_assets.cli.main import app

WITHOUT_JSON = {
    "demo": "shows the platform at work",
    "run": "its last line is JSON, as an orchestrator reads it",
    "open": "opens a page",
    "serve": "a server",
    "metrics": "a server",
    "events serve-broker": "a server",
}


def verbs(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, f"{before}{name} ")
        else:
            yield before + name, command


VERBS = dict(verbs(typer.main.get_group(app)))


def test_what_has_no_json_is_there() -> None:
    assert VERBS.keys() >= WITHOUT_JSON.keys()


@pytest.mark.parametrize("verb", sorted(VERBS.keys() - WITHOUT_JSON.keys()))
def test_each_verb_that_says_facts_says_them_as_json(verb: str) -> None:
    assert any("--json" in parameter.opts for parameter in VERBS[verb].params)


@pytest.mark.parametrize("verb", ["model promote", "model rollback"])
def test_what_changes_the_champion_can_be_tried_first_and_needs_no_terminal(verb: str) -> None:
    options = {option for parameter in VERBS[verb].params for option in parameter.opts}
    assert options >= {"--dry-run", "--yes"}


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_says_what_it_does(verb: str) -> None:
    assert VERBS[verb].help
