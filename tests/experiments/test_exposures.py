"""What is logged of the lists in gold."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from reco_assets.experiments.exposures import exposures, log_exposures, shown_in
from reco_assets.gold.recommendations import Order, user_rows
from reco_assets.models.als.family import ALS
from reco_assets.models.interface import TopN
from reco_assets.models.versions.experiments import EXPERIMENT_FILE, Experiment
from reco_assets.models.versions.store import model_store
from reco_assets.tables import EXPOSURES, RECOMMENDATIONS_ALS, RECOMMENDATIONS_FRESH
from resources.files import write_json
from resources.tables.lakehouse import Lakehouse

FIRST, SECOND = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2))
OLD, NEW, OTHER = "20250101_000001", "20250101_000002", "20250101_000003"
NONE = to_arrow_schema(EXPOSURES.schema, timezone="UTC").empty_table()
RUNS = Experiment("20260101_000000", OLD, NEW, 0.5, "2026-01-01T00:00:00Z", 28, 7.0, 4.0, 100, 0.05)
CHAMPIONS, CHALLENGERS = (1, 6), (2, 3)  # users, as RUNS draws them: on every machine, by every version of Python


def listed(lists: Mapping[int, list[int]], now: datetime = FIRST, version: str = OLD) -> pa.Table:
    movies = np.array(list(lists.values()), np.int32)
    return user_rows(
        TopN(np.array(list(lists), np.int32), movies, np.ones(movies.shape, np.float32)), version, Order(2, now)
    )


def pairs(rows: pa.Table) -> list[tuple[int, str]]:
    return list(zip(rows["user_id"].to_pylist(), rows["variant"].to_pylist(), strict=True))


def test_users_are_drawn_as_they_were_when_this_was_written() -> None:
    users = np.arange(1, 13, dtype=np.int32)
    assert users[RUNS.draws(users)].tolist() == [2, 3, 4, 5, 7, 10, 11]


def test_the_first_publication_is_logged_whole() -> None:
    rows = exposures([listed({1: [10, 11], 6: [20, 21]})], NONE, RUNS)
    assert rows.to_pylist()[0] == {
        "experiment": RUNS.id,
        "user_id": 1,
        "variant": "champion",
        "model_version": OLD,
        "movies": [10, 11],
        "shown_ts": FIRST,
    }
    assert len(rows) == 2
    assert rows.schema.equals(NONE.schema)


def test_lists_that_are_logged_again_add_nothing() -> None:
    lists = [listed({1: [10, 11], 6: [20, 21]})]
    assert len(exposures(lists, exposures(lists, NONE, RUNS), RUNS)) == 0


def test_later_ones_add_the_lists_that_changed_and_those_of_who_is_new() -> None:
    before = exposures([listed({1: [10, 11], 6: [20, 21]})], NONE, RUNS)
    rows = exposures([listed({1: [10, 11], 6: [21, 20], 8: [30, 31]}, SECOND)], before, RUNS)
    assert rows["user_id"].to_pylist() == [6, 8]


@pytest.mark.parametrize(("version", "logged"), [(OLD, CHAMPIONS), (NEW, CHALLENGERS), (OTHER, ())])
def test_only_lists_by_the_version_of_the_users_own_arm_are_logged(version: str, logged: tuple[int, ...]) -> None:
    """So one of before the start puts nobody into both arms."""
    rows = exposures([listed({user: [10, 11] for user in (1, 2, 3, 6)}, version=version)], NONE, RUNS)
    assert tuple(rows["user_id"].to_pylist()) == logged


def test_who_came_was_shown_the_list_that_was_made_for_that() -> None:
    came, rest = listed({1: [90, 91]}, SECOND), listed({1: [10, 11], 6: [20, 21]})
    rows = exposures([came, rest], NONE, RUNS)
    assert rows["movies"].to_pylist() == [[90, 91], [20, 21]]
    assert rows["shown_ts"].to_pylist() == [SECOND, FIRST]


@pytest.fixture
def running(lakehouse: Lakehouse, save_version: Callable[..., None]) -> Lakehouse:
    """A lakehouse where the experiment runs, and nothing was published."""
    store = model_store(lakehouse.settings, ALS)
    for version in (OLD, NEW):
        save_version(version)
    store.promote(OLD, "by hand")
    write_json(store.folder / EXPERIMENT_FILE, asdict(RUNS))
    return lakehouse


def shown(lakehouse: Lakehouse) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = shown_in(lakehouse, RUNS, ["user_id", "movies"]).sort_by("user_id").to_pylist()
    return rows


def test_the_lists_of_all_and_of_who_came_are_appended_once(running: Lakehouse) -> None:
    fresh = listed({6: [90, 91]}, SECOND).append_column("basis", pa.array(["waiting"]))
    running.write(RECOMMENDATIONS_ALS, listed({1: [10, 11], 6: [20, 21]}))
    running.write(RECOMMENDATIONS_FRESH, fresh)
    assert [log_exposures(running), log_exposures(running)] == [2, 0]
    assert shown(running) == [{"user_id": 1, "movies": [10, 11]}, {"user_id": 6, "movies": [90, 91]}]


def test_lists_of_before_there_were_variants_are_logged_too(running: Lakehouse) -> None:
    fields = [field for field in RECOMMENDATIONS_ALS.schema.fields if field.name != "variant"]
    running.write(replace(RECOMMENDATIONS_ALS, schema=StructType(fields)), listed({1: [10]}).drop_columns(["variant"]))
    assert log_exposures(running) == 1


def test_without_a_list_or_an_experiment_nothing_is_appended_and_the_table_is_there(running: Lakehouse) -> None:
    assert log_exposures(running) == 0
    running.write(RECOMMENDATIONS_ALS, listed({1: [10, 11]}))
    (model_store(running.settings, ALS).folder / EXPERIMENT_FILE).unlink()
    assert log_exposures(running) == 0
    assert running.row_count(EXPOSURES.name) == 0
