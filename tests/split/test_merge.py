"""Accepted batches in train and test: inserted or rebuilt, the same rows."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_assets.batches import upkeep
from reco_assets.batches.accepted import accept_waiting, accepted
from reco_assets.batches.merged import unlearned
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import write_receipts
from reco_assets.batches.sides import split_pairs
from reco_assets.batches.withdrawn import Action, decide
from reco_assets.split.merge import (
    ROW,
    How,
    Merged,
    merge_side,
    rebuilt,
    rows_of_side,
    rows_to_put,
)
from reco_assets.tables import SIDE_TABLES, SPLIT_RATINGS, STREAM_RATINGS, TEST_RATINGS, TRAIN_RATINGS
from resources.engine import Engine
from resources.settings import load_settings
from resources.tables import tending as table_tending
from resources.tables.appends import append_batches
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import read_log

START = datetime(2010, 1, 1, tzinfo=UTC)
SPLIT = pa.schema(
    [
        ("user_id", pa.int32()),
        ("movie_id", pa.int32()),
        ("rating", pa.float32()),
        ("rating_ts", pa.timestamp("us", tz="UTC")),
        ("origin", pa.string()),
        ("side", pa.string()),
        ("policy", pa.string()),
    ]
)
STREAM = pa.schema(
    [("batch", pa.string()), ("line", pa.int64()), *[SPLIT.field(name) for name in ROW[:-1]], ("split", pa.string())]
)


class Rated(NamedTuple):
    """A rating, at a day after START."""

    user: int
    movie: int
    day: int
    rating: float = 4.0


def history_of(sides: Iterable[tuple[Rated, str]]) -> pa.Table:
    rows = [
        (row.user, row.movie, row.rating, START + timedelta(row.day), "history", side, "any") for row, side in sides
    ]
    return pa.Table.from_pylist([dict(zip(SPLIT.names, row, strict=True)) for row in rows], schema=SPLIT)


def stream_of(batches: dict[str, list[tuple[Rated, str]]]) -> pa.Table:
    rows = [
        (batch, line, row.user, row.movie, row.rating, START + timedelta(row.day), split)
        for batch, found in batches.items()
        for line, (row, split) in enumerate(found, start=2)
    ]
    return pa.Table.from_pylist([dict(zip(STREAM.names, row, strict=True)) for row in rows], schema=STREAM)


def rows_in(table: pa.Table) -> list[tuple[int, int, int, float, str]]:
    """(user, movie, day, rating, origin) of every row, sorted."""
    return sorted(
        (row["user_id"], row["movie_id"], (row["rating_ts"] - START).days, row["rating"], row["origin"])
        for row in table.to_pylist()
    )


@pytest.fixture
def lakehouse(make_lakehouse: Callable[..., Lakehouse]) -> Lakehouse:
    """On Spark, one whose tables are all worked on as DataFrames."""
    return make_lakehouse(spark_in_memory_rows=0)


@pytest.fixture
def history(lakehouse: Lakehouse) -> Callable[..., None]:
    """Write silver/split_ratings."""
    return lambda **sides: lakehouse.write(
        SPLIT_RATINGS, history_of((row, side) for side, rows in sides.items() for row in rows)
    )


@pytest.fixture
def stage(lakehouse: Lakehouse) -> Callable[..., None]:
    """Stage batches with their receipts, as intake does, and accept them."""

    def put(**batches: list[tuple[Rated, str]]) -> None:
        append_batches(lakehouse, STREAM_RATINGS, stream_of(batches))
        for batch in batches:
            landed = len(accepted(lakehouse.root))
            write_receipts(lakehouse.root, [Receipt(batch, f"{batch}.csv", landed, 10, 1, 1, 0, 0, 1, 0, 1)])
            accept_waiting(lakehouse, "report")

    return put


def of_side(lakehouse: Lakehouse, side: str) -> list[tuple[int, int, int, float, str]]:
    return rows_in(lakehouse.dataset(SIDE_TABLES[side].name).to_table())


def both(lakehouse: Lakehouse) -> dict[str, list[tuple[int, int, int, float, str]]]:
    return {side: of_side(lakehouse, side) for side in SIDE_TABLES}


def merge(lakehouse: Lakehouse) -> tuple[Merged, Merged]:
    return merge_side(lakehouse, "train"), merge_side(lakehouse, "test")


@pytest.mark.both_engines
def test_without_batches_the_tables_are_the_sides_of_the_split(
    lakehouse: Lakehouse, history: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0), Rated(1, 2, 0)], test=[Rated(2, 1, 0)], future=[Rated(2, 2, 9)])
    assert merge(lakehouse) == (Merged(How.REBUILT, 2, ()), Merged(How.REBUILT, 1, ()))
    assert both(lakehouse) == {
        "train": [(1, 1, 0, 4.0, "history"), (1, 2, 0, 4.0, "history")],
        "test": [(2, 1, 0, 4.0, "history")],
    }


def test_a_batch_accepted_later_is_inserted_and_a_rebuild_gives_the_same_rows(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)])
    merge(lakehouse)
    stage(a=[(Rated(1, 1, 5), "train"), (Rated(3, 3, 5), "test")])
    assert merge(lakehouse) == (Merged(How.INSERTED, 1, ("a",)), Merged(How.INSERTED, 1, ("a",)))
    inserted = both(lakehouse)
    assert inserted == {
        "train": [(1, 1, 0, 4.0, "history"), (1, 1, 5, 4.0, "a")],
        "test": [(2, 1, 0, 4.0, "history"), (3, 3, 5, 4.0, "a")],
    }
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)])
    assert [merged.how for merged in merge(lakehouse)] == [How.REBUILT, How.REBUILT]
    assert both(lakehouse) == inserted


@pytest.mark.both_engines
def test_after_a_rebuild_nothing_is_merged_again_and_later_batches_are_inserted(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)])
    stage(a=[(Rated(3, 3, 5), "train")])
    assert merge_side(lakehouse, "train") == Merged(How.REBUILT, 2, ("a",))
    assert merge_side(lakehouse, "train") == Merged(How.UNCHANGED, 0, ())
    stage(b=[(Rated(3, 4, 5), "train")])
    assert merge_side(lakehouse, "train") == Merged(How.INSERTED, 1, ("b",))


def test_several_batches_are_one_commit(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)])
    merge_side(lakehouse, "train")
    before = lakehouse.version(TRAIN_RATINGS.name)
    stage(a=[(Rated(1, 2, 5), "train")], b=[(Rated(1, 3, 5), "train")])
    assert merge_side(lakehouse, "train") == Merged(How.INSERTED, 2, ("a", "b"))
    assert lakehouse.version(TRAIN_RATINGS.name) == (before or 0) + 1


def test_a_batch_without_rows_of_a_side_is_not_looked_at_again(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)])
    merge(lakehouse)
    stage(a=[(Rated(1, 2, 5), "train")])
    assert merge_side(lakehouse, "test") == Merged(How.INSERTED, 0, ("a",))
    assert merge_side(lakehouse, "test") == Merged(How.UNCHANGED, 0, ())


def test_inserting_leaves_the_tables_files_alone(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, movie, 0) for movie in range(50)])
    merge_side(lakehouse, "train")
    before = set(lakehouse.path(TRAIN_RATINGS.name).glob("*.parquet"))
    stage(a=[(Rated(1, 100, 5), "train")])
    merge_side(lakehouse, "train")
    found = DeltaTable(str(lakehouse.path(TRAIN_RATINGS.name)))
    assert {path.name for path in before} < {uri.rsplit("/", 1)[-1] for uri in found.file_uris()}
    assert len(found.file_uris()) == len(before) + 1


@pytest.mark.both_engines
def test_the_last_accepted_value_stands_over_historys_and_over_earlier_batches(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0, 5.0)], test=[Rated(5, 5, 0, 3.0)])
    merge(lakehouse)
    stage(b=[(Rated(1, 1, 0, 1.0), "train"), (Rated(2, 2, 0, 2.0), "train")], a=[(Rated(2, 2, 0, 3.0), "train")])
    assert merge(lakehouse)[0] == Merged(How.INSERTED, 2, ("b", "a"), corrected=2)
    stage(c=[(Rated(1, 1, 0, 4.5), "train"), (Rated(5, 5, 0, 0.5), "test"), (Rated(2, 2, 1, 1.0), "train")])
    assert merge(lakehouse) == (Merged(How.INSERTED, 2, ("c",), corrected=1), Merged(How.INSERTED, 1, ("c",), 1))
    expected = {
        "train": [(1, 1, 0, 4.5, "c"), (2, 2, 0, 3.0, "a"), (2, 2, 1, 1.0, "c")],
        "test": [(5, 5, 0, 0.5, "c")],
    }
    assert both(lakehouse) == expected
    history(train=[Rated(1, 1, 0, 5.0)], test=[Rated(5, 5, 0, 3.0)])
    rebuilt = merge(lakehouse)
    assert [(merged.how, merged.corrected) for merged in rebuilt] == [(How.REBUILT, 2), (How.REBUILT, 1)]
    assert both(lakehouse) == expected


def test_what_a_correction_replaced_is_in_the_tables_earlier_version(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(test=[Rated(1, 1, 0, 5.0)])
    merge_side(lakehouse, "test")
    judged_on = lakehouse.version(TEST_RATINGS.name)
    stage(a=[(Rated(1, 1, 0, 1.0), "test")])
    merge_side(lakehouse, "test")
    assert of_side(lakehouse, "test") == [(1, 1, 0, 1.0, "a")]
    assert rows_in(lakehouse.dataset(TEST_RATINGS.name, judged_on).to_table()) == [(1, 1, 0, 5.0, "history")]


def test_a_repeat_changes_nothing_and_a_value_taken_back_is_the_later_batchs(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0, 5.0), Rated(2, 2, 0, 5.0)])
    merge_side(lakehouse, "train")
    before = lakehouse.dataset(TRAIN_RATINGS.name).files
    stage(a=[(Rated(1, 1, 0, 5.0), "train"), (Rated(2, 2, 0, 5.0), "train")])
    assert merge_side(lakehouse, "train") == Merged(How.INSERTED, 0, ("a",))
    assert lakehouse.dataset(TRAIN_RATINGS.name).files == before
    stage(b=[(Rated(1, 1, 0, 2.0), "train")], c=[(Rated(1, 1, 0, 5.0), "train")])
    assert merge_side(lakehouse, "train") == Merged(How.INSERTED, 1, ("b", "c"), corrected=1)
    assert of_side(lakehouse, "train") == [(1, 1, 0, 5.0, "c"), (2, 2, 0, 5.0, "history")]


def test_a_correction_begins_no_epoch_and_is_one_commit(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0, 5.0)])
    merge_side(lakehouse, "train")
    log = read_log(lakehouse, TRAIN_RATINGS.name)
    epoch, version = log.epoch, log.version
    stage(a=[(Rated(1, 1, 0, 1.0), "train"), (Rated(1, 2, 0, 1.0), "train")])
    assert merge_side(lakehouse, "train").corrected == 1
    log = read_log(lakehouse, TRAIN_RATINGS.name)
    assert (log.epoch, log.version) == (epoch, version + 1)
    assert merge_side(lakehouse, "train").how is How.UNCHANGED


def test_the_order_of_acceptance_counts_and_not_that_of_staging() -> None:
    stream = stream_of({"a": [(Rated(2, 2, 0, 1.0), "train")], "b": [(Rated(2, 2, 0, 2.0), "train")]})
    history = history_of([(Rated(1, 1, 0), "test")])
    for order, expected in ((["a", "b"], (2, 2, 0, 2.0, "b")), (["b", "a"], (2, 2, 0, 1.0, "a"))):
        brought = rows_of_side(stream, history, order, "train")
        assert rows_in(rows_to_put(brought, history.slice(0, 0))) == [expected]


def test_history_decides_the_side_of_a_pair_that_was_staged_before_history_had_it(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)], test=[Rated(5, 5, 0)])
    merge(lakehouse)
    history(train=[Rated(1, 1, 0)], test=[Rated(5, 5, 0), Rated(3, 3, 1)])
    merge(lakehouse)
    stage(a=[(Rated(3, 3, 5), "train")])
    assert merge(lakehouse) == (Merged(How.INSERTED, 0, ("a",)), Merged(How.INSERTED, 1, ("a",)))


def test_a_pair_kept_for_the_future_is_on_the_side_it_was_staged_with(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)], future=[Rated(3, 3, 5)])
    merge(lakehouse)
    stage(a=[(Rated(3, 3, 5), "test")])
    merge(lakehouse)
    inserted = both(lakehouse)
    assert (3, 3, 5, 4.0, "a") in inserted["test"]
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)], future=[Rated(3, 3, 5)])
    merge(lakehouse)
    assert both(lakehouse) == inserted


def test_a_version_of_the_training_table_has_not_learned_what_was_merged_after_it(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)])
    versions = []
    for batch in ("a", "b", "c"):
        stage(**{batch: [(Rated(1, 2, 5), "test")]})  # none of whose rows is in the table
        merge_side(lakehouse, "train")
        versions.append(lakehouse.version(TRAIN_RATINGS.name))
    assert [unlearned(lakehouse, version) for version in versions] == [("b", "c"), ("c",), ()]
    history(train=[Rated(1, 1, 0)])
    merge_side(lakehouse, "train")  # rebuilt, which begins an epoch
    assert [unlearned(lakehouse, version) for version in versions] == [("b", "c"), ("c",), ()]
    assert unlearned(lakehouse, lakehouse.version(TRAIN_RATINGS.name)) == ()


def test_before_any_merge_nothing_accepted_was_learned_and_of_a_version_that_is_gone_all_of_it(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)])
    merge_side(lakehouse, "train")
    before = lakehouse.version(TRAIN_RATINGS.name)
    stage(a=[(Rated(1, 2, 5), "train")])
    assert unlearned(lakehouse, before) == ("a",)
    assert unlearned(lakehouse, 99) == unlearned(lakehouse, None) == ()


def restore(lakehouse: Lakehouse) -> None:
    DeltaTable(str(lakehouse.path(TRAIN_RATINGS.name))).restore(1)


def overwrite(lakehouse: Lakehouse) -> None:
    lakehouse.write(TRAIN_RATINGS, lakehouse.dataset(TRAIN_RATINGS.name, 1).to_table())


@pytest.mark.parametrize("undo", [restore, overwrite])
def test_a_batch_that_a_restore_or_an_overwrite_took_away_comes_back(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None], undo: Callable[[Lakehouse], None]
) -> None:
    history(train=[Rated(1, 1, 0)])
    merge_side(lakehouse, "train")
    stage(a=[(Rated(1, 2, 5), "train")])
    merge_side(lakehouse, "train")
    undo(lakehouse)
    assert merge_side(lakehouse, "train") == Merged(How.INSERTED, 1, ("a",))
    assert merge_side(lakehouse, "train").how is How.UNCHANGED


@pytest.mark.parametrize("undo", [restore, overwrite])
def test_a_correction_that_a_restore_or_an_overwrite_took_away_comes_back(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None], undo: Callable[[Lakehouse], None]
) -> None:
    history(train=[Rated(1, 1, 0, 5.0), Rated(2, 2, 0, 5.0)])
    merge_side(lakehouse, "train")
    for batch, stars in (("a", 1.0), ("b", 5.0), ("c", 2.0)):
        stage(**{batch: [(Rated(1, 1, 0, stars), "train")]})
        merge_side(lakehouse, "train")
    undo(lakehouse)
    assert merge_side(lakehouse, "train") == Merged(How.INSERTED, 1, ("a", "b", "c"), corrected=1)
    assert of_side(lakehouse, "train") == [(1, 1, 0, 2.0, "c"), (2, 2, 0, 5.0, "history")]
    assert merge_side(lakehouse, "train").how is How.UNCHANGED


def test_a_split_made_anew_is_another_split_even_at_the_same_version(
    lakehouse: Lakehouse, history: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)])
    merge_side(lakehouse, "train")
    lakehouse.path(SPLIT_RATINGS.name).rename(lakehouse.path("moved_away"))
    history(train=[Rated(7, 7, 0)])
    assert lakehouse.version(SPLIT_RATINGS.name) == 0
    assert merge_side(lakehouse, "train").how is How.REBUILT
    assert of_side(lakehouse, "train") == [(7, 7, 0, 4.0, "history")]


def test_on_parquet_the_tables_are_the_sides_of_the_split(make_lakehouse: Callable[..., Lakehouse]) -> None:
    parquet = make_lakehouse(storage_format="parquet")
    for _ in range(2):
        parquet.write(SPLIT_RATINGS, history_of([(Rated(1, 1, 0), "train"), (Rated(2, 1, 0), "test")]))
        assert merge(parquet) == (Merged(How.REBUILT, 1, ()), Merged(How.REBUILT, 1, ()))


@pytest.mark.both_engines
def test_a_withdrawn_batch_leaves_both_tables_and_what_it_corrected_is_as_before(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0), Rated(1, 2, 0)], test=[Rated(2, 1, 0)])
    stage(a=[(Rated(1, 1, 0, 2.0), "train"), (Rated(2, 1, 0, 3.0), "test")])
    merge(lakehouse)
    before = both(lakehouse)
    stage(b=[(Rated(1, 1, 0, 1.0), "train"), (Rated(2, 1, 0, 1.0), "test"), (Rated(9, 9, 5), "train")])
    merge(lakehouse)
    decide(lakehouse, "withdraw", ["b"], "wrong")
    assert [merged.how for merged in merge(lakehouse)] == [How.REBUILT, How.REBUILT]
    assert both(lakehouse) == before
    assert [merged.how for merged in merge(lakehouse)] == [How.UNCHANGED, How.UNCHANGED]


def test_batches_that_come_after_a_withdrawal_are_inserted_and_one_that_counts_again_is_in_its_old_place(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)])
    stage(a=[(Rated(1, 1, 0, 2.0), "train"), (Rated(3, 3, 0), "train")])
    merge(lakehouse)
    decide(lakehouse, "withdraw", ["a"], "wrong")
    stage(b=[(Rated(1, 1, 0, 5.0), "train")])
    merge(lakehouse)
    stage(c=[(Rated(4, 4, 0), "train")])
    assert merge_side(lakehouse, "train") == Merged(How.INSERTED, 1, ("c",))
    assert of_side(lakehouse, "train") == [(1, 1, 0, 5.0, "b"), (4, 4, 0, 4.0, "c")]
    decide(lakehouse, "reinstate", ["a"], "right after all")
    merge(lakehouse)
    assert of_side(lakehouse, "train") == [(1, 1, 0, 5.0, "b"), (3, 3, 0, 4.0, "a"), (4, 4, 0, 4.0, "c")]


def test_a_withdrawal_that_training_never_held_rebuilds_nothing(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)])
    merge(lakehouse)
    write_receipts(lakehouse.root, [Receipt("waits", "waits.csv", 1, 1, 1, 1, 0, 0, 1, 0, 1)])
    decide(lakehouse, "withdraw", ["waits"], "wrong")
    assert [merged.how for merged in merge(lakehouse)] == [How.UNCHANGED, How.UNCHANGED]


def test_a_model_of_before_a_withdrawal_has_learned_what_it_had(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)])
    stage(a=[(Rated(5, 5, 0), "train")], b=[(Rated(6, 6, 0), "train")])
    merge(lakehouse)
    version = lakehouse.version(TRAIN_RATINGS.name)
    decide(lakehouse, "withdraw", ["b"], "wrong")
    stage(c=[(Rated(7, 7, 0), "train")])
    merge(lakehouse)
    assert unlearned(lakehouse, version) == ("c",)


RATED = st.builds(Rated, st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.sampled_from([1.0, 3.5, 5.0]))
SIDED = st.tuples(RATED, st.sampled_from(["train", "test", "future"]))


def by_pair_and_key(rows: list[tuple[Rated, str]]) -> list[tuple[Rated, str]]:
    """Each key once, each pair on one side."""
    sides = {(row.user, row.movie): side for row, side in rows}
    keys = {(row.user, row.movie, row.day): row for row, _ in rows}
    return [(row, sides[row.user, row.movie]) for row in keys.values()]


@given(*2 * [st.lists(RATED, min_size=1, max_size=8, unique_by=lambda row: row[:3])])
def test_a_rebuild_puts_the_last_values_in_place_of_historys(history: list[Rated], last: list[Rated]) -> None:
    held, put = (history_of((row, "train") for row in rows).select(ROW) for rows in (history, last))
    expected = {row[:3]: row for row in (*history, *last)}
    found = rebuilt(held.to_reader(max_chunksize=3), put).read_all()
    assert rows_in(found) == sorted((*row, "history") for row in expected.values())


class World:
    """A lakehouse, and what must come of what was done to it."""

    def __init__(self, lakehouse: Lakehouse) -> None:
        self.lakehouse = lakehouse
        self.history: dict[Rated, str] = {}
        self.accepted: list[tuple[Rated, str]] = []
        self.batches = 0
        self.withdrawn = set[str]()
        self.grow([(Rated(1, 1, 0), "train"), (Rated(2, 2, 0), "test")])

    def grow(self, rows: list[tuple[Rated, str]]) -> None:
        """History grows or is corrected; a pair keeps the side that it got before, in history or by stream."""
        for row, side in rows:
            earlier = [s for known, s in self.history.items() if known[:2] == row[:2]]
            for known in [known for known in self.history if known[:3] == row[:3]]:
                del self.history[known]
            self.history[row] = (earlier or self._staged(row) or [side])[0]
        self.lakehouse.write(SPLIT_RATINGS, history_of(self.history.items()))

    def take(self, rows: list[tuple[Rated, str]]) -> None:
        """A batch is staged, on the sides that intake gives it, and accepted."""
        lakehouse, name = self.lakehouse, f"batch{self.batches}"
        found = [row for row, _ in by_pair_and_key(rows)]
        users, movies = (np.array([row[at] for row in found], np.int32) for at in (0, 1))
        sides = split_pairs(lakehouse, users, movies, 0.5).to_pylist()
        append_batches(lakehouse, STREAM_RATINGS, stream_of({name: list(zip(found, sides, strict=True))}))
        write_receipts(lakehouse.root, [Receipt(name, name, self.batches, 1, 1, 1, 0, 0, 1, 0, 1)])
        accept_waiting(lakehouse, "report")
        self.accepted += [(row, name) for row in found]
        self.batches += 1

    def withdraw(self, rows: list[tuple[Rated, str]]) -> None:
        """A batch is withdrawn, or one that is withdrawn counts again."""
        name = f"batch{len(rows)}"
        action: Action = "reinstate" if name in self.withdrawn else "withdraw"
        if len(rows) < self.batches:
            assert decide(self.lakehouse, action, [name], "wrong") == [name]
            self.withdrawn ^= {name}

    def merge(self, _rows: object = None) -> None:
        merge(self.lakehouse)

    def expected(self) -> list[tuple[int, int, int, float, str]]:
        """History and then every batch, row by row: another value replaces, the same one changes nothing.

        Withdrawn batches are as if they had never come.
        """
        values: dict[tuple[int, int, int], tuple[float, str]] = {}
        history = [(row, "history") for row, side in self.history.items() if side != "future"]
        for row, origin in (*history, *(each for each in self.accepted if each[1] not in self.withdrawn)):
            if values.get(row[:3], (None, ""))[0] != row.rating:
                values[row[:3]] = (row.rating, origin)
        return sorted((*key, *value) for key, value in values.items())

    def check(self) -> None:
        """The last value stands, no key is there twice, no pair is on both sides, and a rebuild changes nothing."""
        self.merge()
        merged = both(self.lakehouse)
        assert sorted(row for rows in merged.values() for row in rows) == self.expected()
        assert not {row[:2] for row in merged["train"]} & {row[:2] for row in merged["test"]}
        self.grow([])
        assert [merge_side(self.lakehouse, side).how for side in SIDE_TABLES] == [How.REBUILT, How.REBUILT]
        assert both(self.lakehouse) == merged
        assert [merge_side(self.lakehouse, side).how for side in SIDE_TABLES] == [How.UNCHANGED, How.UNCHANGED]

    def _staged(self, row: Rated) -> list[str]:
        if not self.lakehouse.exists(STREAM_RATINGS.name):
            return []
        staged = self.lakehouse.dataset(STREAM_RATINGS.name).to_table().to_pylist()
        return [found["split"] for found in staged if (found["user_id"], found["movie_id"]) == row[:2]]


STEPS = [World.take, World.take, World.merge, World.grow, World.withdraw]
STEP = st.tuples(st.sampled_from(STEPS), st.lists(SIDED, max_size=4))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=1, max_size=7))
def test_in_whatever_order_batches_merges_withdrawals_and_rebuilds_come_the_rows_are_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    engine: Engine,
    steps: list[tuple[Callable[..., None], list[tuple[Rated, str]]]],
) -> None:
    world = World(Lakehouse(load_settings(lakehouse_path=tmp_path_factory.mktemp("world")), engine))
    for step, rows in steps:
        step(world, rows)
    world.check()


def test_after_many_merges_a_table_has_few_files_and_nothing_is_merged_again(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_tending, "MANY_FILES", 3)
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)])
    merge(lakehouse)
    version = lakehouse.version(TRAIN_RATINGS.name)
    for number in range(8):
        stage(**{f"b{number}": [(Rated(9, number, 5), "train")]})
        merge(lakehouse)
    assert len(lakehouse.dataset(TRAIN_RATINGS.name).files) <= 4
    assert lakehouse.row_count(TRAIN_RATINGS.name) == 9
    assert [done.how for done in merge(lakehouse)] == [How.UNCHANGED, How.UNCHANGED]
    assert lakehouse.row_count(TRAIN_RATINGS.name, version) == 1


def test_files_that_cannot_be_taken_together_do_not_stop_a_merge(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError("No space left on device")

    monkeypatch.setattr(upkeep, "take_together", full)
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)])
    merge(lakehouse)
    stage(a=[(Rated(9, 9, 5), "train")])
    with pytest.warns(UserWarning, match=r"Upkeep of silver/\w+_ratings was left for the next merge: No space"):
        assert [done.rows for done in merge(lakehouse)] == [1, 0]


def test_a_table_is_never_partly_there_for_those_who_read_a_version(
    lakehouse: Lakehouse, history: Callable[..., None], stage: Callable[..., None]
) -> None:
    history(train=[Rated(1, 1, 0)], test=[Rated(2, 1, 0)])
    merge(lakehouse)
    version = lakehouse.version(TEST_RATINGS.name)
    stage(a=[(Rated(9, 9, 5), "test")])
    merge(lakehouse)
    assert rows_in(lakehouse.dataset(TEST_RATINGS.name, version).to_table()) == [(2, 1, 0, 4.0, "history")]
