"""Training a version of a family with data of its own again from what it recorded, to see the same figures."""

from reco_assets.models.interface import Family, OwnWay
from reco_assets.models.judging.evaluation import protocol_of
from reco_assets.models.judging.sampled import SampledProtocol, sample_lists
from reco_assets.models.judging.sampled_document import CANDIDATE
from reco_assets.models.judging.sampled_judge import SPLIT, judge_held_out, not_learned
from reco_assets.models.record import ModelRecord
from reco_assets.models.reproduction import Figure, ReproductionError, require_whole
from resources.tables.lakehouse import Lakehouse


def reproduce_own(lakehouse: Lakehouse, family: Family, own: OwnWay, record: ModelRecord) -> list[Figure]:
    """Train and judge again on what a version recorded; every figure as recorded and as it is now.

    Raises `ReproductionError`, and what `own.read` raises where that is no longer there.
    """
    require_whole(record)
    version, metrics = record.version, record.metrics
    if metrics is None or metrics.sampled is None:
        raise ReproductionError(
            f"{version} was never judged, so there are no figures to compare. Judge it: reco evaluate, with --model "
            f"{family.name}."
        )
    settings, recorded = lakehouse.settings, metrics.sampled.models[CANDIDATE]
    protocol = SampledProtocol(settings.judging.seed)
    if protocol.describe() != metrics.sampled.protocol:
        raise ReproductionError(
            f"{version} was judged by {metrics.sampled.protocol}, and RECO_SEED is {protocol.seed} here: set the same."
        )
    data = own.read(lakehouse, record.inputs)
    if len(data.ratings) != record.train_count or not record.inputs.items() <= data.inputs.items():
        raise ReproductionError(
            f"{version} was trained on {record.train_count:,} ratings of {', '.join(own.made_from)}, and what is there "
            f"under the version it recorded has {len(data.ratings):,} others: users were forgotten since, or the "
            "tables were removed and made anew."
        )
    held = not_learned(own.held_out(lakehouse, metrics.inputs), data.ratings)
    model = own.fit(data, record.config, lakehouse.engine).model
    lists = sample_lists(held.known, held.ratings, protocol)
    found = judge_held_out(model, held, lists, protocol.k, protocol_of(settings.judging, SPLIT)).scores[CANDIDATE]
    return [
        Figure("AUC, sampled", recorded.auc, found[0].auc),
        Figure("NDCG@10, sampled", recorded.ndcg, found[0].ndcg),
        Figure("hit rate@10, sampled", recorded.hit_rate, found[0].hit_rate),
        Figure(f"NDCG@{metrics.ranking.k}, full", metrics.ranking.ndcg, found[1].ndcg),
    ]
