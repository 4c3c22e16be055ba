"""Versions judged by Spark's workers, in blocks of users; the driver gets sums, and a sample of users to compare by.

Each block is a small `Trial`, and what comes of all of them is what one `Trial` of everyone gives. Of each block there
comes back a row a model, and of users what `draw` draws from: of all, or of a sample of about `COMPARED_USERS`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.models.blocks import Blocks, ratings_of
from reco_assets.models.judging.comparison import UserScores
from reco_assets.models.judging.evaluation import Exam, Judgement, Protocol, Trial
from reco_assets.models.judging.pooling import pooled
from reco_assets.models.judging.slices import judge_in_slices
from reco_assets.models.judging.slicing import Slicing
from reco_assets.models.judging.tally import Tally
from reco_assets.models.versions.store import ModelStore
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import HISTORY
from resources.engine import Engine
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Twice as many narrow the interval by a third, and each takes 96 bytes of the driver and 50 µs of its 999 draws.
COMPARED_USERS = 200_000
_FINE = 1 << 30  # into how many parts users are hashed
_OWN = "user_id array<int>, ndcg array<double>, squared_error array<double>, pairs array<bigint>"
_SCORES = f"{_OWN}, baseline_ndcg array<double>, baseline_squared_error array<double>"


@dataclass(frozen=True)
class InBlocks:
    """Judges on a version of the test ratings; lists leave out what a version of the training ratings holds."""

    lakehouse: Lakehouse
    train_version: int | None
    test_version: int | None
    protocol: Protocol
    compared_users: int = COMPARED_USERS
    slicing: Slicing | None = None

    @property
    def split(self) -> str:
        """See `Judge`."""
        return self.protocol.split

    def open(self, store: ModelStore, version: str, *, as_trained: bool) -> Blocks:
        """See `Judge`."""
        return Blocks.open(store, version, as_trained=as_trained)

    def judge(self, opened: Sequence[Blocks]) -> list[Judgement]:
        """See `Judge`."""
        from pyspark.sql import functions as F

        test = self.lakehouse.read(TEST_RATINGS.name, self.test_version)
        frames = Frames(
            test.withColumn("streamed", F.col("origin") != HISTORY),
            self.lakehouse.read(TRAIN_RATINGS.name, self.train_version),
        )
        return judge_frames(
            self.lakehouse.engine,
            frames,
            opened,
            self.protocol,
            compared_users=self.compared_users,
            slicing=self.slicing,
        )


@dataclass(frozen=True)
class Frames:
    """What versions are judged on: `test` has user_id, movie_id, rating and streamed; `seen`, which lists leave out,
    has user_id and movie_id.
    """

    test: "DataFrame"
    seen: "DataFrame"


def judge_frames(
    engine: Engine,
    frames: Frames,
    opened: Sequence[Blocks],
    protocol: Protocol,
    *,
    compared_users: int,
    slicing: Slicing | None = None,
) -> list[Judgement]:
    """What each version came to, as of `Judge`; the scores of users are those of about so many, or of all of fewer."""
    from pyspark.sql.pandas.types import to_arrow_schema

    users, by = _users(engine, frames, opened, compared_users), _judge_blocks(tuple(opened), protocol, slicing)
    found = users.mapInArrow(by, f"model int, sections string, tally binary, {_SCORES}").toArrow()
    if len(found) == 0:  # nobody is tested
        nothing = pa.RecordBatch.from_pylist([], to_arrow_schema(users.schema, timezone="UTC"))
        found = pa.Table.from_batches(by(iter([nothing])))
    return [_whole(found.filter(pac.equal(found["model"], at)), protocol) for at in range(len(opened))]


def _whole(found: pa.Table, protocol: Protocol) -> Judgement:
    blocks = [json.loads(sections) for sections in found["sections"].to_pylist()]
    columns = {name: found[name].combine_chunks().flatten().to_numpy() for name in found.column_names[3:]}
    tallies = [Tally.unpacked(packed.as_py()) for packed in found["tally"] if packed.is_valid]
    by_user = UserScores(*(columns[name] for name in UserScores.__annotations__))
    baselines = replace(by_user, ndcg=columns["baseline_ndcg"], squared_error=columns["baseline_squared_error"])
    return Judgement(
        pooled(blocks, protocol.cold_start), by_user, baselines, Tally.pooled(tallies) if tallies else None
    )


def _users(engine: Engine, frames: Frames, opened: Sequence[Blocks], compared_users: int) -> "DataFrame":
    """A row for each user who is tested: what is tested, what was seen in training, and the row in each version."""
    from pyspark.sql import functions as F

    test = F.collect_list(F.struct("movie_id", "rating", "streamed")).alias("test")
    seen = frames.seen.groupBy("user_id").agg(F.collect_list("movie_id").alias("seen"))
    users = frames.test.groupBy("user_id").agg(test).withColumn("compared", _compared(frames.test, compared_users))
    users = users.join(seen, "user_id", "left")
    for at, version in enumerate(opened):
        users = users.join(version.frame(engine, _side(at)), "user_id", "left")
    return users


def _compared(ratings: "DataFrame", most: int) -> "Column":
    """Whether a user is one of those whom the comparison draws from: the same ones for every version."""
    from pyspark.sql import functions as F

    tested = ratings.agg(F.count_distinct("user_id").alias("users")).toArrow()["users"][0].as_py()
    share = min(1.0, most / max(tested, 1))
    return F.pmod(F.xxhash64("user_id"), F.lit(_FINE)) < F.lit(int(share * _FINE))


def _side(at: int) -> str:
    return f"side_{at}"


def _judge_blocks(
    opened: Sequence[Blocks], protocol: Protocol, slicing: Slicing | None
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def judge(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from _found(pa.table(batch), opened, protocol, slicing)

    return judge


def _found(
    users: pa.Table, opened: Sequence[Blocks], protocol: Protocol, slicing: Slicing | None
) -> Iterator[pa.RecordBatch]:
    """What a block of users comes to, a row for each version."""
    test, seen = ratings_of(users["user_id"], users["test"], "rating"), ratings_of(users["user_id"], users["seen"])
    streamed = users["test"].combine_chunks().flatten().field("streamed").to_numpy(zero_copy_only=False)
    compared = users["user_id"].filter(users["compared"]).to_numpy()
    models = [version.model(users[_side(at)]) for at, version in enumerate(opened)]
    trial = Trial(Exam(test, seen, protocol), streamed, opened[0].side.baselines(models[0]))
    for at, judged in enumerate(judge_in_slices(trial, models, slicing)):
        drawn_from = np.isin(judged.by_user.user_id, compared)
        own, baseline = judged.by_user.where(drawn_from), judged.baselines.where(drawn_from)
        columns = {name: [values] for name, values in vars(own).items()}
        columns |= {"baseline_ndcg": [baseline.ndcg], "baseline_squared_error": [baseline.squared_error]}
        yield pa.RecordBatch.from_pydict(
            {
                "model": pa.array([at], pa.int32()),
                "sections": [json.dumps(judged.sections)],
                "tally": pa.array([judged.tally.packed() if judged.tally else None], pa.binary()),
                **columns,
            }
        )
