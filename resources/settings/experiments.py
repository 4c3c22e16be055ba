"""Experiments: who gets the challenger's lists, what counts, and when there is a verdict."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from resources.settings.group import Group, Positive, Stars, below

LEAST_SHARE, LONGEST_DAYS = 0.01, 365


def can_be_drawn(value: float) -> float:
    """A share of users as it came. Raises `ValueError` where one arm would have hardly anybody."""
    if value != 0 and not LEAST_SHARE <= value <= 1 - LEAST_SHARE:
        raise ValueError(f"a share from {LEAST_SHARE} to {1 - LEAST_SHARE}, or 0 for no experiments")
    return value


class ExperimentSettings(Group, alias_generator=below("EXPERIMENT_")):
    """The share of users who get the challenger's lists (0: no experiments), its longest days, and the verdict.

    `window_days`: how long after a user's first rating since the lists what the user rates counts; `liked`: stars from
    which a listed movie is a hit; `alpha`: the chance of a wrong verdict where the models are as good as each other.
    """

    share: Annotated[float, AfterValidator(can_be_drawn)] = 0.0
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] = 28
    window_days: Annotated[float, Field(ge=0.0, le=LONGEST_DAYS)] = 7.0
    liked: Stars = 4.0
    min_users: Positive = 100
    alpha: Annotated[float, Field(gt=0.0, le=0.5)] = 0.05
    promotion_waits: Annotated[Literal["off", "experiment"], Field(alias="PROMOTION_WAITS")] = "off"
