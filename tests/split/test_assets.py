"""The split as assets: history and accepted batches through the graph."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reco_assets.batches.accepted import accept_waiting
from reco_assets.build import build_definitions
from reco_assets.pipelines.selections import ETL
from reco_assets.runner.run import Outcome, materialize_assets
from reco_assets.streaming.intake import take_in
from resources.tables.lakehouse import Lakehouse

TRAIN, TEST = "silver/train_ratings", "silver/test_ratings"
HISTORY = [f"{user},{movie},4.0,{1_000_000_000 + movie}" for user in (1, 2) for movie in range(10, 20)]
STREAM = [f"2020-01-01,{user},{movie},2.5" for user in (3, 4, 5) for movie in range(10, 20)]


@pytest.fixture
def lake(make_lakehouse: Callable[..., Lakehouse], tmp_path: Path) -> Lakehouse:
    return make_lakehouse(reco_source="movielens", reco_source_path=tmp_path / "raw", future_fraction=0.0)


@pytest.fixture
def run_etl(lake: Lakehouse, tmp_path: Path) -> Callable[..., Outcome]:
    """Run the main job up to the split on these ratings."""

    def run(*ratings: str) -> Outcome:
        (tmp_path / "raw").mkdir(exist_ok=True)
        (tmp_path / "raw" / "movies.csv").write_text("movieId,title,genres\n10,A (2000),Drama\n")
        lines = "\n".join(["userId,movieId,rating,timestamp", *ratings])
        (tmp_path / "raw" / "ratings.csv").write_text(lines + "\n")
        return materialize_assets(build_definitions, lake.settings, ETL)

    return run


@pytest.fixture
def accept_stream(lake: Lakehouse) -> Callable[[], str]:
    """Take a file in and accept it; returns the batch."""

    def accept() -> str:
        lake.settings.storage.landing.mkdir(parents=True, exist_ok=True)
        (lake.settings.storage.landing / "current.csv").write_text(
            "\n".join(["DATE,CUST_ID,MOVIE_ID,RATING", *STREAM, ""])
        )
        take_in(lake)
        return accept_waiting(lake, "report")[0]

    return accept


def merge(lake: Lakehouse) -> Outcome:
    return materialize_assets(build_definitions, lake.settings, (TRAIN, TEST))


def rows(lake: Lakehouse, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.dataset(table).to_table().to_pylist()
    return found


def test_the_tables_say_how_they_were_made_of_what_and_at_which_version(
    lake: Lakehouse, run_etl: Callable[..., Outcome], accept_stream: Callable[[], str]
) -> None:
    built = run_etl(*HISTORY).metadata[TRAIN]
    assert (built["merge"], built["merged_rows"], built["merged_batches"]) == ("rebuilt", 16, 0)
    accept_stream()
    merged = merge(lake).metadata
    assert [merged[table]["merge"] for table in (TRAIN, TEST)] == ["inserted", "inserted"]
    assert sum(merged[table]["merged_rows"] for table in (TRAIN, TEST)) == len(STREAM)
    assert merged[TRAIN]["merged_batches"] == 1
    assert [merged[table]["corrected_rows"] for table in (TRAIN, TEST)] == [0, 0]
    assert merged[TRAIN]["dagster/row_count"] == 16 + merged[TRAIN]["merged_rows"]
    assert merged[TRAIN]["delta_version"] == lake.version(TRAIN)
    assert {"dagster/uri", "preview"} <= merged[TRAIN].keys()


@pytest.mark.both_engines
def test_the_main_job_keeps_accepted_batches_and_their_sides_also_when_history_gets_their_ratings(
    lake: Lakehouse, run_etl: Callable[..., Outcome], accept_stream: Callable[[], str]
) -> None:
    run_etl(*HISTORY)
    batch = accept_stream()
    merge(lake)

    def sides() -> dict[tuple[int, int], str]:
        return {(row["user_id"], row["movie_id"]): table for table in (TRAIN, TEST) for row in rows(lake, table)}

    before = sides()
    assert {row["origin"] for row in rows(lake, TRAIN)} == {"history", batch}
    assert run_etl(*HISTORY).metadata[TRAIN]["merge"] == "rebuilt"
    assert sides() == before
    streamed = [f"{user},{movie},2.5,{1_577_836_800}" for user in (3, 4, 5) for movie in range(10, 20)]
    run_etl(*HISTORY, *streamed)
    assert sides() == before
    assert {row["origin"] for table in (TRAIN, TEST) for row in rows(lake, table)} == {"history"}
    assert lake.row_count(TRAIN) + lake.row_count(TEST) == len(HISTORY) + len(STREAM)


def test_a_source_without_times_is_warned_of_by_the_split(lake: Lakehouse, run_etl: Callable[..., Outcome]) -> None:
    rows = [f"{user},{movie},4.0,0" for user in (1, 2) for movie in range(10, 20)]
    made = run_etl(*rows)
    checks = {found.name: found for found in made.checks}
    assert (checks["split_leakage"].passed, checks["split_leakage"].figures["older_test_ratings"]) == (True, 0)
    check = checks["split_ties"]
    assert (check.passed, check.is_error) == (False, False)
    assert "SPLIT_STRATEGY=random" in check.text
    split = made.metadata["silver/split_ratings"]
    assert (split["policy"], split["dagster/row_count"]) == (lake.settings.split.policy(), 20)
    assert (split["time_cuts_inside_ties"], split["share_of_test_decided_by_ties"]) == (2, 1.0)
