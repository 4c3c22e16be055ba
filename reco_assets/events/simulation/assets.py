"""The asset of simulated events: what the documents call generate_synthetic_data."""

from datetime import UTC, datetime

import dagster as dg

from reco_assets.events.simulation.daily import simulate
from reco_assets.tables import HEAVY_POOL
from resources.tables.lakehouse import Lakehouse


@dg.asset(
    key_prefix="events",
    group_name="events",
    pool=HEAVY_POOL,
    kinds={"python", "kafka"},
    description="Simulated users, movies, views, clicks and ratings, sent to Kafka, or to files where no broker is "
    "configured. Nothing is sent beside real ratings unless EVENTS_SIMULATE says so: `skipped` then has the reason.",
)
def simulated(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """Send the days that were not sent yet; also a run that sends nothing is a materialisation, for what follows."""
    done = simulate(lakehouse.settings, datetime.now(UTC).date())
    if "skipped" in done:
        context.log.info(f"Skipped: {done['skipped']}")
    return dg.MaterializeResult(metadata=done)
