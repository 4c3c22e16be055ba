"""The assets of events: what was taken from topics or files into the data lake, and what could not be read."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from reco_assets.events.extraction.counts import Extracted
from reco_assets.events.extraction.extract import extract
from reco_assets.events.extraction.gaps import gaps_since
from reco_assets.tables import DEAD_LETTERS, EVENTS_LOG, HEAVY_POOL
from resources.dagster_home import open_instance
from resources.io_managers import table_metadata
from resources.orchestrator.shown_tables import Cell, shown_table
from resources.tables.lakehouse import Lakehouse

LOG, DEAD = dg.AssetKey(["events", "log"]), dg.AssetKey(["events", "dead_letters"])
CONSERVED, NOTHING_LOST, NO_DEAD_LETTERS = "messages_conserved", "nothing_lost", "no_dead_letters"
TOLD_FOR = timedelta(days=1)
_ASSET: dict[str, Any] = {"group_name": "events", "kinds": {"delta"}, "skippable": True}


@dg.multi_asset(
    name="extract_events",
    specs=[
        dg.AssetSpec(
            LOG,
            deps=[["events", "simulated"]],
            description="Every event once, as it came from topics or files; by the day of the event.",
            **_ASSET,
        ),
        dg.AssetSpec(
            DEAD, description="Messages that are no such event, with their bytes, and gaps in the topics.", **_ASSET
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            CONSERVED,
            asset=LOG,
            blocking=True,
            description="Every message read is a new event, a duplicate or a dead letter.",
        ),
        dg.AssetCheckSpec(
            NOTHING_LOST, asset=LOG, description="In the last day no message was gone before it was read."
        ),
        dg.AssetCheckSpec(NO_DEAD_LETTERS, asset=DEAD, description="Every message read is an event."),
    ],
    can_subset=True,
    pool=HEAVY_POOL,
)
def extract_events(
    context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Take in what has come since the last time; see `reco_assets.events.extraction.extract`.

    Both tables are written, whichever is asked for: a message is passed once it is in one of them. Where there is
    nothing to extract from, nothing is written, and what follows goes on without events.
    """
    done = extract(lakehouse)
    for line in done.losses:
        context.log.error(line)
    for spec in (EVENTS_LOG, DEAD_LETTERS):
        described = table_metadata(lakehouse, spec) if lakehouse.exists(spec.name) else {}
        version = described.get("delta_version")
        key, metadata = dg.AssetKey(spec.name.split("/")), described | _metadata(done)
        if key in context.selected_asset_keys:
            data_version = None if version is None else dg.DataVersion(str(version))
            yield dg.MaterializeResult(asset_key=key, metadata=metadata, data_version=data_version)
        else:
            context.log_event(dg.AssetMaterialization(key, metadata=metadata))
    selected = {key.name for key in context.selected_asset_check_keys}
    yield from (found for found in _checks(lakehouse, done) if found.check_name in selected)


def report(lakehouse: Lakehouse, done: Extracted) -> None:
    """Show what was extracted outside of a run in Dagit, where DAGSTER_HOME is set. Raises `HomeError`."""
    with open_instance() as instance:
        for spec in (EVENTS_LOG, DEAD_LETTERS):
            metadata = table_metadata(lakehouse, spec) | _metadata(done)
            instance.report_runless_asset_event(dg.AssetMaterialization(spec.name.split("/"), metadata=metadata))
        for found in _checks(lakehouse, done):
            instance.report_runless_asset_event(_evaluation(found))


def _evaluation(found: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=found.asset_key or LOG,
        check_name=found.check_name or "",
        passed=found.passed,
        severity=found.severity,
        description=found.description,
        metadata=found.metadata,
    )


def _checks(lakehouse: Lakehouse, done: Extracted) -> Iterator[dg.AssetCheckResult]:
    counts = {name: dict(counter) for name, counter in _counters(done).items()}
    yield dg.AssetCheckResult(
        asset_key=LOG,
        check_name=CONSERVED,
        passed=done.conserved,
        metadata={"counts": dg.JsonMetadataValue(counts | {"written": done.written})},
    )
    # Also those that a run found which ended before it could tell.
    loud = list(dict.fromkeys([*done.losses, *gaps_since(lakehouse, datetime.now(UTC) - TOLD_FOR)]))
    yield dg.AssetCheckResult(
        asset_key=LOG,
        check_name=NOTHING_LOST,
        passed=not loud,
        severity=dg.AssetCheckSeverity.ERROR,
        description=" ".join(loud) or None,
        metadata={"lost": sum(gap.lost for gap in done.gaps)},
    )
    dead = done.dead_letters.total()
    yield dg.AssetCheckResult(
        asset_key=DEAD,
        check_name=NO_DEAD_LETTERS,
        passed=not dead,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{dead:,} messages were no event: {_listed(done.reasons)}" if dead else None,
        metadata={"reasons": dg.JsonMetadataValue(dict(done.reasons))},
    )


def _counters(done: Extracted) -> Mapping[str, Counter[str]]:
    return {
        "read": done.read,
        "events": done.events,
        "duplicates": done.duplicates,
        "dead_letters": done.dead_letters,
        "late": done.late,
        "lag": done.lag,
    }


def _metadata(done: Extracted) -> dict[str, Any]:
    counters = _counters(done)
    topics = sorted({topic for counter in counters.values() for topic in counter})
    rows: list[Sequence[Cell]] = [(topic, *(counter[topic] for counter in counters.values())) for topic in topics]
    return {
        **{name: counter.total() for name, counter in counters.items()},
        "lost": sum(gap.lost for gap in done.gaps),
        "topics": shown_table(("topic", *counters), rows),
        "offsets": dg.JsonMetadataValue(done.offsets),
        **({"notes": "\n".join(done.losses)} if done.losses else {}),
    }


def _listed(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common())
