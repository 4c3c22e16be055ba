"""What a retraining wins forward in time, beside what it wins on the test ratings of the batches that it took.

A batch's test side is drawn from it by a hash, so the rest of the batch, of the same users and days, tells of it. Hence
a model of the candidate's settings is trained on what the candidate was, but for the newer half of what came in since
the champion was trained, and is judged on that half beside the champion: neither knows any of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.models.baselines import baselines_beside
from reco_assets.models.blocks import in_blocks
from reco_assets.models.inputs import read_origins, read_rows
from reco_assets.models.interface import Family
from reco_assets.models.judging.backtest import middle_of, moments, not_trained_on, time_of
from reco_assets.models.judging.comparison import BASELINE, CANDIDATE, CHAMPION, Comparison, draw
from reco_assets.models.judging.evaluation import Exam, protocol_of
from reco_assets.models.judging.judge import against_champion
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import ModelPart, ModelRecord
from reco_assets.models.trial_slice import Dated, dated
from reco_assets.models.versions.store import model_store
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import HISTORY
from resources.tables.files import LakehouseError
from resources.tables.lakehouse import Lakehouse

_NOT = "Not judged forward in time:"


@dataclass(frozen=True)
class Retraining:
    """A candidate that took batches in, the champion of before, and what is looked at of either.

    `test_version`: of the test ratings; `replaced`: the candidate's parts that a baseline stands in for.
    """

    family: Family
    candidate: ModelRecord
    champion: ModelRecord
    test_version: int | None
    replaced: Sequence[ModelPart]


def judged_forward(lakehouse: Lakehouse, retraining: Retraining) -> dict[str, Any] | None:
    """The `forward` section of the run metrics, whose `text` says it; None where no batch is new to the champion.

    Raises `LakehouseError`, `ModelStoreError`.
    """
    before, now = (record.delta_version(TRAIN_RATINGS.name) for record in (retraining.champion, retraining.candidate))
    if before is None or now is None:
        return None  # which batches are new is told by versions of the table
    try:
        known = read_origins(lakehouse, TRAIN_RATINGS.name, before)
    except (OSError, LakehouseError):
        return {"text": f"{_NOT} the ratings that {retraining.champion.version} was trained on are no longer there."}
    batches = read_origins(lakehouse, TRAIN_RATINGS.name, now) - known - {HISTORY}
    if not batches:
        return None
    versions = {TRAIN_RATINGS.name: now, TEST_RATINGS.name: retraining.test_version}
    if in_blocks(lakehouse, retraining.family, versions):
        return {"text": f"{_NOT} that takes a second training in memory, for more than SPARK_IN_MEMORY_ROWS ratings."}
    train, test = (read_rows(lakehouse, name, version) for name, version in versions.items())
    return _judged(lakehouse, retraining, (train, test), batches)


def _judged(
    lakehouse: Lakehouse, retraining: Retraining, sides: tuple[pa.Table, pa.Table], batches: Collection[str]
) -> dict[str, Any]:
    new = [_of(rows, batches) for rows in sides]
    arrived = [dated(rows.filter(of_batch)) for rows, of_batch in zip(sides, new, strict=True)]
    moment = np.concatenate([moments(part) for part in arrived])
    until = middle_of(moment)
    if not (moment > until).any():
        return {"text": f"{_NOT} what came in since {retraining.champion.version} was trained is of one time."}
    train = dated(sides[0])
    known = train.where(~(new[0].to_numpy(zero_copy_only=False) & (moments(train) > until)))
    newer = Ratings.concat([part.ratings.where(moments(part) > until) for part in arrived])
    tested = not_trained_on(newer, known.ratings)
    found = {
        "champion": retraining.champion.version,
        "batches": len(batches),
        "trained_until": time_of(until).isoformat(),
        "tested_until": time_of(int(moment.max())).isoformat(),
        "train_count": len(known),
        "test_count": len(tested),
        **_compared(lakehouse, retraining, known, tested).document(CHAMPION),
    }
    return {**found, "text": _told(found, lakehouse.settings.judging.k)}


def _compared(lakehouse: Lakehouse, retraining: Retraining, known: Dated, tested: Ratings) -> Comparison:
    """What would serve of a model that was trained on `known`, beside what the champion serves."""
    settings, family, record = lakehouse.settings, retraining.family, retraining.candidate
    exam = Exam(tested, known.ratings, protocol_of(settings.judging, "forward"))
    fitted_to = known.last_days(record.lookback_days).ratings
    model = family.fit(fitted_to, record.config, lakehouse.engine).model
    champion = model_store(settings, family).load(retraining.champion.version)
    scores = {
        CANDIDATE: exam.evaluate(model).by_user,
        BASELINE: exam.ask(baselines_beside(family, model, lambda: fitted_to)).by_user,
        CHAMPION: exam.evaluate(champion).by_user,
    }
    drawn = draw(scores, settings.judging.bootstrap_samples, settings.judging.seed)
    return against_champion(drawn, retraining.replaced)


def _of(rows: pa.Table, batches: Collection[str]) -> pa.ChunkedArray:
    return pac.is_in(rows["origin"], value_set=pa.array(sorted(batches)))


def _told(found: Mapping[str, Any], k: int) -> str:
    names = {"rmse": "RMSE of all pairs", "ndcg": f"NDCG@{k}"}
    scores = [_difference(name, found[score]) for score, name in names.items() if score in found]
    until = found["trained_until"][:16].replace("T", " ")
    return (
        f"Forward in time: trained with the older half of what came in since {found['champion']} was trained, up to "
        f"{until}, and judged on the newer half, {found['test_count']:,} ratings that neither knows: "
        f"{', '.join(scores) or 'too few users to compare'}."
    )


def _difference(name: str, found: Mapping[str, Any]) -> str:
    if found["low"] == found["high"] == 0:  # as of users whom neither knows: both serve them what is popular
        return f"{name} {found['candidate']:.4f} of both, the same for each of {found['users']:,} users"
    return (
        f"{name} {found['candidate']:.4f} against the champion's {found[CHAMPION]:.4f} (difference "
        f"{found['low']:+.4f} to {found['high']:+.4f}, {found['users']:,} users)"
    )
