"""From where on data count as bad."""

from typing import Annotated

from pydantic import Field

from resources.settings.group import SEED, Group, Positive, PositiveNumber, Seed, Share, below


class QualitySettings(Group, alias_generator=below("QUALITY_")):
    """From where on a difference is a warning, and which share of a source may be quarantined.

    `psi_threshold` in nats, `js_threshold` (Jensen-Shannon) in bits, ratings of one user in one day, and quartile
    ranges above the upper quartile of the users' numbers of ratings.
    """

    psi_threshold: PositiveNumber = 0.2
    js_threshold: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    max_ratings_per_day: Positive = 2_880
    iqr_factor: PositiveNumber = 3.0
    quarantine_max_share: Annotated[Share, Field(alias="QUARANTINE_MAX_SHARE")] = 0.05
    seed: Seed = SEED
