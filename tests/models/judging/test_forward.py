"""A retraining is judged on ratings that were made after those which it is trained on for that."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from reco_assets.models.inputs import read_ratings
from reco_assets.models.interface import Family
from reco_assets.models.judging.forward import Retraining, judged_forward
from reco_assets.models.versions.store import model_store
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

Row = tuple[int, int, float, int, str]  # user, movie, stars, day, origin
Retrained = Callable[[Sequence[Row], Sequence[Row]], Retraining]
FIRST, SECOND = "20250101_000001", "20250101_000002"
HISTORY: list[Row] = [(user, movie, 2.0, 1, "history") for user in range(1, 5) for movie in (1, 2)]
KNOWN = [*HISTORY, (5, 1, 2.0, 2, "known")]
TESTED: list[Row] = [(1, 3, 2.0, 1, "history")]
NEW: list[Row] = [(5 + day, 1, 5.0, day, "new") for day in range(4, 10)]
NEW_TESTED: list[Row] = [(5, 2, 5.0, day, "new") for day in (3, 10)]


def write(lakehouse: Lakehouse, spec: TableSpec, rows: Sequence[Row]) -> None:
    users, movies, stars, days, origins = zip(*rows, strict=True)
    moments = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in days]
    columns = {"user_id": pa.array(users, pa.int32()), "movie_id": pa.array(movies, pa.int32())}
    columns |= {"rating": pa.array(stars, pa.float32()), "rating_ts": pa.array(moments, pa.timestamp("us", tz="UTC"))}
    lakehouse.write(spec, pa.table({**columns, "origin": pa.array(origins, pa.string())}))


@pytest.fixture
def retrained(lakehouse: Lakehouse, toy: Family) -> Retrained:
    """A champion of what was known, and a candidate of that and these training ratings, with these to test."""

    def make(train: Sequence[Row], test: Sequence[Row]) -> Retraining:
        write(lakehouse, TEST_RATINGS, [*TESTED, *test])
        store, config = model_store(lakehouse.settings, toy), toy.configure(lakehouse.settings)
        for version, rows in ((FIRST, KNOWN), (SECOND, [*KNOWN, *train])):
            write(lakehouse, TRAIN_RATINGS, rows)
            trained = toy.fit(read_ratings(lakehouse, TRAIN_RATINGS.name), config, lakehouse.engine)
            inputs = {TRAIN_RATINGS.name: lakehouse.version(TRAIN_RATINGS.name)}
            store.save(version, trained, {"inputs": inputs, "split": "random", "train_count": len(rows), "seed": 1})
        return Retraining(toy, store.record(SECOND), store.record(FIRST), lakehouse.version(TEST_RATINGS.name), ())

    return make


def test_it_is_trained_on_the_older_half_of_what_is_new_and_judged_on_the_newer(
    lakehouse: Lakehouse, retrained: Retrained
) -> None:
    found = judged_forward(lakehouse, retrained(NEW, NEW_TESTED))
    assert found is not None
    assert (found["champion"], found["batches"], found["trained_until"]) == (FIRST, 1, "2025-01-07T00:00:00+00:00")
    assert found["train_count"] == len(KNOWN) + 3  # of days 4, 5, 6; that of day 3 is on the test side
    assert found["test_count"] == 3 + 1  # of days 7, 8, 9 in training, and of day 10 on the test side
    assert found["rmse"]["candidate"] < found["rmse"]["champion"]
    assert found["text"].startswith(
        f"Forward in time: trained with the older half of what came in since {FIRST} was trained, up to "
        "2025-01-07 00:00, and judged on the newer half, 4 ratings that neither knows: RMSE of all pairs "
    )


def test_pairs_that_were_trained_on_are_no_test(lakehouse: Lakehouse, retrained: Retrained) -> None:
    again: list[Row] = [(1, 1, 5.0, 11, "new")]
    found = judged_forward(lakehouse, retrained([*NEW, *again], NEW_TESTED))
    assert found is not None
    assert (found["trained_until"], found["test_count"]) == (
        "2025-01-08T00:00:00+00:00",
        3,
    )  # of four newer ones one was rated again


def test_nothing_is_said_where_no_batch_is_new_to_the_champion(lakehouse: Lakehouse, retrained: Retrained) -> None:
    more_of_a_known_batch: list[Row] = [(9, 1, 5.0, 9, "known")]
    assert judged_forward(lakehouse, retrained(more_of_a_known_batch, [])) is None


@pytest.mark.parametrize(
    ("rows", "trained_on", "told"),
    [([(*row[:3], 7, "new") for row in NEW], 0, "is of one time"), (NEW, 9, "are no longer there")],
    ids=["one time", "the champion's ratings are gone"],
)
def test_what_can_t_be_judged_forward_is_told(
    lakehouse: Lakehouse, retrained: Retrained, rows: Sequence[Row], trained_on: int, told: str
) -> None:
    made = retrained(rows, [])
    champion = made.champion.model_copy(update={"inputs": {TRAIN_RATINGS.name: trained_on}})
    found = judged_forward(lakehouse, Retraining(made.family, made.candidate, champion, made.test_version, ()))
    assert found is not None
    assert list(found) == ["text"]
    assert found["text"].startswith("Not judged forward in time: ")
    assert told in found["text"]
