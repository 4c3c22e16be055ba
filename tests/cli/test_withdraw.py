"""`reco stream withdraw` and `list` as a person runs them, before any model was trained."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

Reco = Callable[..., "CompletedProcess[str]"]
FILE = "DATE,CUST_ID,MOVIE_ID,RATING\n2026-01-01,1,1,1\n2026-01-01,1,2,1\n2026-01-01,1,3,9\n"


@pytest.fixture
def taken(take_in: Callable[[str, str], Reco]) -> Reco:
    """A lakehouse that took in one file."""
    return take_in("bot.csv", FILE)


def state(reco: Reco) -> tuple[str, str]:
    (found,) = json.loads(reco("stream", "list", "--json").stdout)["batches"]
    return found["state"], found["why"]


def test_a_batch_is_withdrawn_when_asked_for_and_not_by_a_dry_run_or_without_a_yes(taken: Reco) -> None:
    planned = json.loads(taken("stream", "withdraw", "bot.csv", "--dry-run", "--json").stdout)
    assert (planned["batches"][0]["good"], planned["batches"][0]["quarantined"]) == (2, 1)
    refused = taken("stream", "withdraw", "bot.csv")
    assert refused.returncode == 1
    assert "say --yes" in refused.stderr
    assert state(taken) == ("waits", "")
    done = taken("stream", "withdraw", "bot.csv", "--reason", "a bot's", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Withdrawn. Training never held it." in done.stdout
    assert state(taken) == ("withdrawn", "a bot's")
    assert "1 withdrawn: reco stream list" in taken("status").stdout
    back = taken("stream", "withdraw", "bot.csv", "--undo", "--yes")
    assert back.returncode == 0, back.stderr
    assert state(taken) == ("waits", "")


def test_a_batch_that_was_never_taken_in_is_one_clear_line(reco: Reco) -> None:
    done = reco("stream", "withdraw", "abcdef", "--yes")
    assert done.returncode == 1
    assert "No batch 'abcdef' was taken in." in done.stderr
    assert "reco stream list" in done.stderr
