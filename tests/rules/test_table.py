"""The table of rules, its command, and the check that published lists keep them."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from click.testing import Result
from pyspark.sql.pandas.types import to_arrow_schema
from typer.testing import CliRunner

from reco_assets.cli.main import app
from reco_assets.gold.recommendations import Order, list_rows, user_rows
from reco_assets.models.interface import TopN
from reco_assets.rules.assets import rules_kept
from reco_assets.rules.checking import check_lists
from reco_assets.rules.reading import add_rules, policy_to_publish, read_rules, remove_rules
from reco_assets.rules.rule import RuleError
from reco_assets.tables import RECOMMENDATIONS_ALS, RECOMMENDATIONS_WHY, SILVER_MOVIES, SIMILAR_MOVIES
from resources.tables.lakehouse import Lakehouse
from tests.rules.conftest import boost, draft, movie_rows

Reco = Callable[..., Result]


def publish(lakehouse: Lakehouse, *movies: int, now: datetime | None = None) -> None:
    """Put a list of these movies into gold: user 7's, and what is like movie 1, and reasons for them."""
    now, listed = now or datetime.now(UTC), np.array([movies], np.int32)
    of_user, like = (TopN(np.array([key]), listed, np.ones(listed.shape, np.float32)) for key in (7, 1))
    lakehouse.write(RECOMMENDATIONS_ALS, user_rows(of_user, "v1", Order(10, now)))
    lakehouse.write(SIMILAR_MOVIES, list_rows(like, "movie_id", "similar", "v1", now))
    rows = [{"user_id": 7, "movie_id": movie, "because": [], "model_version": "v1"} for movie in movies]
    lakehouse.write(RECOMMENDATIONS_WHY, pa.Table.from_pylist(rows, to_arrow_schema(RECOMMENDATIONS_WHY.schema)))


@pytest.fixture
def movies(lakehouse: Lakehouse) -> Lakehouse:
    """A lakehouse with movies of three genres."""
    rows = [row | {"title": f"Film {row['movie_id']}", "genres_string": ""} for row in movie_rows()]
    lakehouse.write(SILVER_MOVIES, pa.Table.from_pylist(rows, to_arrow_schema(SILVER_MOVIES.schema)))
    return lakehouse


@pytest.fixture
def reco(movies: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> Reco:
    monkeypatch.setenv("LAKEHOUSE_PATH", str(movies.root))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, ["rules", *arguments])


def test_rules_are_added_once_and_removed_but_stay_in_the_table(lakehouse: Lakehouse) -> None:
    assert read_rules(lakehouse) == []
    (first, second) = add_rules(lakehouse, [draft(), boost(2.0, user_id=7)])
    assert add_rules(lakehouse, [draft()]) == []
    assert remove_rules(lakehouse, {first.rule_id}) == [first]
    (again,) = add_rules(lakehouse, [draft()])
    assert [rule.rule_id for rule in read_rules(lakehouse)] == [1, 2, 3]
    assert [rule.removed_ts is None for rule in read_rules(lakehouse)] == [False, True, True]
    with pytest.raises(RuleError, match="There is no rule 1, 9 to remove"):
        remove_rules(lakehouse, {1, 2, 9})
    now, policy = policy_to_publish(lakehouse)
    assert policy.rules == (second, again)
    assert all(rule.added_ts <= now for rule in policy.rules)


def test_lists_are_held_to_the_rules_of_when_they_were_made(movies: Lakehouse) -> None:
    publish(movies, 1, 3)
    (hides,) = add_rules(movies, [draft(value="3")])
    assert check_lists(movies, RECOMMENDATIONS_ALS.name).kept.broken == 0
    publish(movies, 1, 3)
    for table in (RECOMMENDATIONS_ALS, RECOMMENDATIONS_WHY, SIMILAR_MOVIES):
        found = check_lists(movies, table.name)
        assert (found.kept.broken, found.rules) == (1, 1)
        assert f"movie 3 is hidden by rule {hides.rule_id}" in found.text
    remove_rules(movies, {hides.rule_id})
    assert check_lists(movies, RECOMMENDATIONS_ALS.name).kept.broken == 1, "they were to keep it"
    publish(movies, 1, 3)
    assert check_lists(movies, RECOMMENDATIONS_ALS.name).kept.broken == 0


def test_a_rule_for_one_user_binds_that_users_list_alone(movies: Lakehouse) -> None:
    add_rules(movies, [draft(subject="genre", value="drama", user_id=7), draft(value="1", user_id=8)])
    publish(movies, 1, 5)
    found = check_lists(movies, RECOMMENDATIONS_ALS.name)
    assert found.kept.told == ("user 7: movie 5 is hidden by rule 1",)
    assert check_lists(movies, SIMILAR_MOVIES.name).kept.broken == 0


def test_too_many_movies_of_a_genre_are_found(movies: Lakehouse, make_lakehouse: Callable[..., Lakehouse]) -> None:
    publish(movies, 1, 7, 13)
    found = check_lists(make_lakehouse(recommend_most_per_genre=2), RECOMMENDATIONS_ALS.name)
    assert found.kept.told == ("user 7: 3 movies of Action, and 2 are allowed",)
    assert rules_kept(RECOMMENDATIONS_ALS.name)(make_lakehouse(recommend_most_per_genre=2)).passed is False


def test_the_command_adds_lists_and_removes(reco: Reco, movies: Lakehouse) -> None:
    done = reco("add", "hide", "--genre", "Drama", "--user", "7", "--reason", "asked for")
    assert "Added rule 1: hides genre Drama for user 7" in done.stdout
    assert reco("add", "boost", "--year", "2001", "--factor", "1.5", "--reason", "25 years").exit_code == 0
    listed = reco("list").stdout
    assert "boost x 1.5" in listed
    assert "in force" in listed
    assert "Removed rule 2" in reco("remove", "2").stdout
    assert "25 years" not in reco("list").stdout
    assert "25 years" in reco("list", "--removed").stdout


def test_a_rule_about_nothing_or_two_things_is_an_error_and_leaves_the_table(reco: Reco, movies: Lakehouse) -> None:
    done = reco("add", "hide", "--genre", "Drama", "--movie", "1", "--reason", "x")
    assert "give one of --movie, --genre and --year" in done.stderr
    done = reco("add", "hide", "--movie", "2", "--reason", "x")
    assert isinstance(done.exception, RuleError)
    assert "silver/movies has no movie '2'" in str(done.exception)
    assert read_rules(movies) == []
