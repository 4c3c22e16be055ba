"""How old silver and gold may get, as policies that Dagit shows. Applied to every asset of a group at once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.settings import Settings

if TYPE_CHECKING:
    from dagster import FreshnessPolicy

_WARN_AT = 2 / 3  # of 36 hours: when a daily run is missed


def with_freshness(assets: Sequence[Any], settings: Settings) -> Sequence[Any]:
    """The same assets, those of silver, the splits and gold with their policies."""
    silver, gold = _policy(settings.schedules.silver_fresh_hours), _policy(settings.schedules.gold_fresh_hours)
    by_group = {"silver": silver, "splits": silver, "gold": gold}
    return list(
        dg.map_asset_specs(
            lambda spec: (
                spec.replace_attributes(freshness_policy=by_group[spec.group_name])
                if spec.group_name in by_group
                else spec
            ),
            assets,
        )
    )


def _policy(hours: int) -> "FreshnessPolicy":
    age = timedelta(hours=hours)
    return dg.FreshnessPolicy.time_window(fail_window=age, warn_window=age * _WARN_AT)
