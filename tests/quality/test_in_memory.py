"""What is measured without an engine, in memory or from the writer's notes, is what an engine finds in every row."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_assets.quality import kinds, measures
from reco_assets.quality.checking import check_table
from reco_assets.quality.declaration import Raters, Reference
from reco_assets.quality.declarations import DECLARATIONS, DECLARED
from reco_assets.quality.finding import Finding
from reco_assets.quality.in_memory import (
    measure_keys_in_memory,
    measure_raters_in_memory,
    measure_reference_in_memory,
    numbers_by_value,
    numbers_of_list,
    users_beyond_in_memory,
    users_of,
)
from reco_assets.quality.measures import (
    collected,
    column_measures,
    measure_keys,
    measure_raters,
    measure_reference,
    users_beyond,
)
from reco_assets.quality.told import told_of
from resources.tables.lakehouse import Lakehouse
from resources.tables.written import written_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = datetime(2020, 1, 1, tzinfo=UTC)
RATINGS = "silver/ratings"
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PEOPLE = Raters("user_id", "rating_ts")
SMALL = st.integers(0, 2)
TIMES = st.sampled_from([START + timedelta(days=day, microseconds=day) for day in (-20_000, 0, 1)])
SEEN = st.lists(st.tuples(st.none() | SMALL, st.none() | SMALL, st.none() | TIMES), min_size=1, max_size=40)
STORED = [declaration.table for declaration in DECLARATIONS]


def seen(rows: list[tuple]) -> pa.Table:
    schema = pa.schema([("user_id", pa.int32()), ("movie_id", pa.int32()), ("rating_ts", pa.timestamp("us", "UTC"))])
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


@FEW
@given(rows=SEEN)
def test_repeated_keys_are_those_that_an_engine_groups(rows: list, spark: Any) -> None:
    found = measure_keys_in_memory(seen(rows), ("user_id", "movie_id", "rating_ts"))
    expected = measure_keys(spark.createDataFrame(seen(rows)), ("user_id", "movie_id", "rating_ts"))
    assert found.numbers == expected.numbers
    assert len(found.samples.get("repeated keys", [])) == len(expected.samples.get("repeated keys", []))


@FEW
@given(rows=SEEN.map(lambda rows: [(0, 0, START), *(row for row in rows if None not in row)]), most=st.integers(0, 9))
def test_raters_are_those_that_an_engine_groups(rows: list, most: int, spark: Any) -> None:
    frame = spark.createDataFrame(seen(rows))
    users = users_of(seen(rows), PEOPLE)
    found, expected = measure_raters_in_memory(users, most), measure_raters(frame, PEOPLE, most)
    assert found.numbers == expected.numbers
    for ours, theirs in (
        (found.samples, expected.samples),
        ({"": users_beyond_in_memory(users, most)}, {"": users_beyond(frame, PEOPLE, most)}),
    ):
        assert {name: _fastest(users) for name, users in ours.items()} == {n: _fastest(u) for n, u in theirs.items()}


@FEW
@given(
    rows=st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=40), known=st.sets(st.integers(0, 9), min_size=1)
)
def test_unknown_ids_are_those_that_an_engine_does_not_find(rows: list, known: set[int], spark: Any) -> None:
    named, other = (pa.table({"movie_id": pa.array(ids, pa.int32())}) for ids in (rows, sorted(known)))
    listed = pa.table({"list": pa.array([[{"movie_id": row}] for row in rows])})
    plain = Reference("movie_id", "movie_id", "silver/movies", "movie_id")
    in_lists = Reference("list", "explode(list.movie_id)", "silver/movies", "movie_id")
    expected = measure_reference(spark.createDataFrame(named), plain, spark.createDataFrame(other))
    assert measure_reference_in_memory(named, plain, other) == expected
    assert measure_reference_in_memory(listed, in_lists, other) == expected


def test_a_table_without_rows_has_neither_repeated_keys_nor_raters() -> None:
    assert measure_keys_in_memory(seen([]), ("user_id", "movie_id")).numbers == {"repeated keys": 0, "rows too many": 0}
    none = {"totals": [], "busiest day": 0, "users too fast": 0}
    assert measure_raters_in_memory(users_of(seen([]), PEOPLE), 1).numbers == none


@pytest.mark.parametrize("table", STORED)
def test_what_the_writer_noted_is_what_every_row_says(table: str, lake: Lakehouse) -> None:
    assert_told(lake, table)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"user_id": -1}, {"movie_id": None}, {"rating": None}, {"rating": float("nan")}, {"month": None}),
        *({"rating_ts": datetime(2030, 1, 1, tzinfo=UTC)}, {"rating_ts": None}, {"year": 2019}, {"month": 2}),
    ],
)
def test_a_row_that_breaks_a_rule_is_in_the_notes_too(
    wrong: dict[str, Any], lake: Lakehouse, put: Callable, arrow: Callable, good_rows: Callable
) -> None:
    for rows in ([wrong], [*good_rows(RATINGS)[:3], wrong]):
        put(lake, RATINGS, arrow(RATINGS, [good_rows(RATINGS)[0] | row for row in rows]))
        assert_told(lake, RATINGS)


@pytest.mark.parametrize("table", [table for table in STORED if table.startswith(("bronze/", "silver/"))])
def test_sound_tables_of_a_source_need_no_engine(table: str, lake: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(lake.path("quality"))
    monkeypatch.setattr(Lakehouse, "read", lambda *_: pytest.fail("the engine was asked"))
    monkeypatch.setattr(measures, "F", None)  # without a session Spark has no columns either
    assert failing(check_table(lake, DECLARED[table], kinds.KINDS)) == set()


def failing(findings: list[Finding]) -> set[str]:
    return {finding.kind for finding in findings if not finding.passed}


def assert_told(lake: Lakehouse, table: str) -> None:
    """What is told of the table, if anything, is what the engine measures."""
    written = written_of(lake, table)
    assert written is not None
    told = told_of(DECLARED[table], written, NOW)
    for column in DECLARED[table].counted:
        told |= numbers_by_value(lake.dataset(table).to_table([column]), DECLARED[table])
    for column in DECLARED[table].lists:
        told |= numbers_of_list(lake.dataset(table).to_table([column]), DECLARED[table])
    measured = collected(lake.read(table), column_measures(DECLARED[table], NOW))
    assert str(told) == str({name: measured[name] for name in told})  # as text, in which NaN is NaN


def _fastest(users: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return sorted((user["ratings"], user["busiest_day"]) for user in users)
