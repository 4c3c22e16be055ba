"""What is due after an extraction so that the next one costs the same: small files together, old commits gone."""

import warnings
from functools import partial

from reco_assets.tables import EVENTS, MODELS, RATING_EVENTS
from resources.errors import RecoError
from resources.tables.lakehouse import Lakehouse
from resources.tables.pins import pinned_versions
from resources.tables.tending import tend_table


def after_extraction(lakehouse: Lakehouse) -> None:
    """Do what is due. What can't be done now is named in a warning and is due again after the next extraction."""
    for spec in EVENTS:
        try:
            tend_table(
                lakehouse,
                spec.name,
                partial(_pinned, lakehouse, spec.name),
                lakehouse.settings.maintenance.retention_hours,
            )
        except (OSError, RecoError) as error:
            warnings.warn(f"Upkeep of {spec.name} was left for the next extraction: {error}", stacklevel=2)


def _pinned(lakehouse: Lakehouse, name: str) -> set[int]:
    return pinned_versions(lakehouse.root / MODELS, lakehouse.root / RATING_EVENTS).get(name, set())
