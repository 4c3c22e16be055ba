"""`reco features`: computed, listed, and shown of one user and movie."""

from collections.abc import Callable

import pytest
from click.testing import Result
from typer.testing import CliRunner

from reco_assets.cli.main import app
from reco_assets.features.declarations import FEATURES
from reco_assets.features.run import compute_store
from tests.features.conftest import Fill

Reco = Callable[..., Result]


@pytest.fixture
def reco(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> Reco:
    """Run `reco features ARGUMENTS` on a lakehouse whose store was computed once."""
    lakehouse = fill([(1, 10, 5.0, 0), (1, 20, 2.0, 30), (2, 10, 4.0, 1)])
    compute_store(lakehouse)
    monkeypatch.setenv("LAKEHOUSE_PATH", str(lakehouse.root))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, ["features", *arguments])


def values(done: Result) -> dict[str, str]:
    """What a table of two columns says."""
    rows = [line.split("│") for line in done.stdout.splitlines() if line.count("│") == 3]
    return {name.strip(): value.strip() for _, name, value, _ in rows}


def test_compute_says_which_version_it_made_of_what(reco: Reco) -> None:
    done = reco("compute")
    assert done.exit_code == 0
    assert "Version 2 of" in done.stdout
    assert "as of 2020-01-31T00:00:00: 3 interactions" in done.stdout


def test_every_feature_is_listed_and_the_versions(reco: Reco) -> None:
    done = reco("list")
    assert [feature.name for feature in FEATURES if feature.name not in done.stdout] == []
    assert "feature_store.duckdb: version 1" in done.stdout


def test_a_user_and_a_movie_are_shown_as_they_are_and_as_they_were(reco: Reco) -> None:
    assert values(reco("show", "--user", "1", "--movie", "10"))["user_ratings"] == "2"
    then = values(reco("show", "--user", "1", "--movie", "10", "--at", "2020-01-31"))
    assert (then["user_ratings"], then["movie_ratings"], then["movie_genres"]) == ("1", "2", "Action 1, Crime 1")


def test_neither_user_nor_movie_is_an_error(reco: Reco) -> None:
    done = reco("show")
    assert done.exit_code == 2
    assert "give --user, --movie or both" in done.stderr
