"""The split as assets: every rating with its side, what is let in of the stream, a table per side, the future."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from reco_assets.batches.accepted import accept_waiting, waiting_totals
from reco_assets.batches.named import named_batches
from reco_assets.batches.withdrawn import Action, withdrawn
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.inputs import split_of
from reco_assets.models.judging.leakage import leakage_of
from reco_assets.models.serving import serving_store
from reco_assets.models.versions.withdrawn import on_withdrawn, way_out
from reco_assets.publishing import publish_table, publish_waiting
from reco_assets.split import merge
from reco_assets.split.acceptance import Accept, verdict_for
from reco_assets.split.history import export_futures, policy_of, side_of_history, split_history, ties_of_split
from reco_assets.split.withdrawal import decide_on
from reco_assets.tables import FUTURES_CSV, HEAVY_POOL, SIDE_TABLES, SPLIT_RATINGS
from reco_assets.vocabulary import FUTURE, TEST, TRAIN
from resources.io_managers import table_metadata
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse
from resources.text.json_lines import of_batches

_ASSET: dict[str, Any] = {
    "key_prefix": "silver",
    "group_name": "splits",
    "kinds": {"delta"},
    "pool": HEAVY_POOL,
}


TIES, LEAKAGE, NOT_ON_WITHDRAWN = "split_ties", "split_leakage", "not_trained_on_withdrawn"


@dg.asset(
    deps=[["silver", "ratings"], ["bronze", "ratings"], ["silver", "etl_report"]],
    check_specs=[
        dg.AssetCheckSpec(
            TIES,
            asset=["silver", "split_ratings"],
            description="Cuts in time lie between ratings of different times, but for a few.",
        )
    ],
    **_ASSET,
)
def split_ratings(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """Every silver rating with its side; a pair keeps the side that it got before.

    That is the side of an earlier run under the same policy, else the one it was streamed with.
    """
    policy = policy_of(lakehouse)
    lakehouse.write(SPLIT_RATINGS, split_history(lakehouse, policy))
    ties = ties_of_split(lakehouse, policy)
    check = dg.AssetCheckResult(
        passed=ties.few,
        check_name=TIES,
        severity=dg.AssetCheckSeverity.WARN,
        description=ties.text(),
        metadata=ties.numbers(),
    )
    return _result(lakehouse, SPLIT_RATINGS, {"policy": policy, **ties.numbers()}, [check])


class AcceptConfig(dg.Config):
    """When to accept, and the drift report to act on; none named: the newest.

    Where a batch is named to be withdrawn, or to count again, that is done, for a reason, and nothing is accepted.
    """

    accept: Accept = Accept.IF_DRIFT
    report: str = ""
    withdraw: str = ""
    reinstate: str = ""
    reason: str = ""


@dg.asset(
    key=["stream", "accepted"],
    deps=[["drift", "report"]],
    output_required=False,
    kinds={"json"},
    group_name="stream",
    pool=HEAVY_POOL,
)
def accepted(
    context: dg.AssetExecutionContext, config: AcceptConfig, lakehouse: dg.ResourceParam[Lakehouse]
) -> Iterator[dg.MaterializeResult]:
    """The batches that training takes: all that wait, once a drift report calls for a retrained model.

    What is withdrawn is taken no more.
    """
    if named := config.withdraw or config.reinstate:
        action: Action = "withdraw" if config.withdraw else "reinstate"
        decided = decide_on(lakehouse, action, named, config.reason)
        context.log.info(f"{action}: {', '.join(decided) or 'as decided before'}", extra=of_batches(decided))
        yield dg.MaterializeResult(
            metadata={
                "decision": action,
                "decided_batches": len(decided),
                "withdrawn_batches": len(withdrawn(lakehouse.root)),
                "waiting_batches": waiting_totals(lakehouse).batches,
                "reason": config.reason,
                **publish_waiting(lakehouse),
            }
        )
        return
    verdict = verdict_for(lakehouse.settings, config.accept, config.report)
    if config.accept is Accept.IF_DRIFT_OR_STOP and not verdict.should_retrain:
        return
    batches = accept_waiting(lakehouse, verdict.report_id) if verdict.should_retrain else []
    if batches:
        context.log.info(f"Batches accepted: {len(batches):,}", extra=of_batches(batches))
    yield dg.MaterializeResult(
        metadata={
            "accepted_batches": len(batches),
            **named_batches(batches),
            "waiting_batches": waiting_totals(lakehouse).batches,
            "should_retrain": verdict.should_retrain,
            "reason": verdict.reason,
            **publish_waiting(lakehouse),
        }
    )


def _result(
    lakehouse: Lakehouse, spec: TableSpec, did: Mapping[str, Any], checks: Sequence[dg.AssetCheckResult] = ()
) -> dg.MaterializeResult:
    described = table_metadata(lakehouse, spec)
    version = described.get("delta_version")
    return dg.MaterializeResult(
        metadata={**described, **did},
        check_results=checks,
        data_version=None if version is None else dg.DataVersion(str(version)),
    )


def _merged_side(side: str, description: str) -> dg.AssetsDefinition:
    spec = SIDE_TABLES[side]

    @dg.asset(
        name=f"{side}_ratings",
        deps=[["silver", "split_ratings"], ["stream", "accepted"]],
        description=f"{description} The split's {side} side and, since they were accepted, streamed batches.",
        **_ASSET,
    )
    def ratings_of_side(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
        merged = merge.merge_side(lakehouse, side)
        did = {
            "merge": merged.how.value,
            "merged_rows": merged.rows,
            "corrected_rows": merged.corrected,
            "merged_batches": len(merged.batches),
            # A table that is built anew is so for the split's sake.
            **named_batches(merged.batches if merged.how is merge.How.INSERTED else ()),
        }
        return _result(lakehouse, spec, publish_table(lakehouse, spec.name) | did)

    made: dg.AssetsDefinition = ratings_of_side
    return made


train_ratings = _merged_side(TRAIN, "What models are trained on.")
test_ratings = _merged_side(TEST, "What models are judged on; never trained on.")


@dg.asset_check(
    name=LEAKAGE,
    asset=["silver", "test_ratings"],
    additional_deps=[["silver", "train_ratings"], ["silver", "split_ratings"]],
    pool=HEAVY_POOL,
)
def split_leakage(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.AssetCheckResult:
    """How many test ratings are older than the newest training rating; `SPLIT_STRATEGY=global` promises none."""
    leakage, split = leakage_of(lakehouse), split_of(lakehouse)
    return dg.AssetCheckResult(
        passed=leakage.is_as_promised(split),
        severity=dg.AssetCheckSeverity.WARN,
        description=leakage.text(split),
        metadata={"older_test_ratings": leakage.older, "share_of_test": leakage.share, "split": split},
    )


@dg.asset_check(
    name=NOT_ON_WITHDRAWN,
    asset=["models", f"{SERVING_FAMILY.name}_champion"],
    additional_deps=[["stream", "accepted"]],
    pool=HEAVY_POOL,
)
def not_trained_on_withdrawn(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.AssetCheckResult:
    """What serves was not trained on batches that were withdrawn."""
    store = serving_store(lakehouse.settings)
    champion = store.champion()
    found = on_withdrawn(lakehouse, SERVING_FAMILY, champion) if champion else {}
    advice = way_out(store, on_withdrawn(lakehouse, SERVING_FAMILY)) if found else None
    return dg.AssetCheckResult(
        passed=advice is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=advice or "It was trained on no batch that was withdrawn.",
        metadata={"champion": champion or "", "withdrawn_batches": sum(len(each.trained) for each in found.values())},
    )


SPLIT_CHECKS = [split_leakage, not_trained_on_withdrawn]


@dg.asset(deps=[["silver", "split_ratings"]], **_ASSET)
def future_ratings(lakehouse: dg.ResourceParam[Lakehouse]) -> Any:
    """The newest slice of all, cut off before the split: food for streaming."""
    return side_of_history(lakehouse, FUTURE)


@dg.asset(
    key=["silver", "future_csv"],
    deps=[["silver", "future_ratings"]],
    group_name="splits",
    pool=HEAVY_POOL,
    kinds={"csv"},
)
def future_csv(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """The future ratings as `DATE,CUST_ID,MOVIE_ID,RATING`, in the order of time."""
    path = lakehouse.root / FUTURES_CSV
    rows = export_futures(lakehouse, path)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows, "path": dg.MetadataValue.path(str(path))})
