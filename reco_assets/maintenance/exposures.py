"""What was shown in experiments long ago, and its removal. No Dagster."""

from datetime import UTC, datetime, timedelta

import pyarrow.compute as pac

from reco_assets.tables import EXPOSURES
from resources.tables.lakehouse import Lakehouse


def remove_old_exposures(lakehouse: Lakehouse, now: datetime | None = None) -> int:
    """Remove rows older than `EXPOSURES_KEPT_DAYS`, which no running experiment has; how many. Raises `LakehouseError`.

    `now`: UTC, the clock's if None.
    """
    oldest = (now or datetime.now(UTC)) - timedelta(days=lakehouse.settings.maintenance.exposures_kept_days)
    with lakehouse.lock(EXPOSURES.name):
        if not lakehouse.exists(EXPOSURES.name):
            return 0
        table = lakehouse.dataset(EXPOSURES.name)
        old = table.count_rows(filter=pac.field("shown_ts") < oldest)
        if old:
            lakehouse.write(EXPOSURES, table.to_table(filter=pac.field("shown_ts") >= oldest))
    return int(old)
