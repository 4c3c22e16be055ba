"""When new ratings count as drift, and drift leads to a retraining."""

from typing import Annotated, Literal

from pydantic import Field

from resources.settings.group import (
    SEED,
    Group,
    Limit,
    NotNegative,
    Positive,
    PositiveNumber,
    Samples,
    Seed,
    Share,
    below,
)

DriftPolicy = Literal["documented", "calibrated", "adaptive"]


class DriftSettings(Group, alias_generator=below("DRIFT_")):
    """Everything that a drift report depends on beside the data; the defaults are the documented numbers.

    `threshold`: of the drift score; `combine`: of data and prediction drift; `kl_threshold` (nats), `mean_threshold`
    and `median_threshold` (stars), and the weight of each term of the score; `min_window_rows`: training rows that a
    window beside the pool needs, or else a score above a higher bar; `min_warm_pairs`: below it data drift decides
    alone; `min_users`, `p_value`, `bootstrap_samples`: of the calibrated policy; `cooldown_seconds`: between two
    retrainings.

    What calls for a retraining beside the score: `rmse_trigger`: stars by which the champion became worse on new
    labels; `unknown_users_trigger`, `unknown_movies_trigger`: the share of new ratings by (of) those that the champion
    doesn't know; `volume_trigger`: new ratings as a share of those it was trained on; `age_trigger_days`: since it was
    trained. A number counts under every policy, "off" under none, None under the adaptive policy at its own limit.
    """

    policy: DriftPolicy = "documented"
    threshold: PositiveNumber = 1.0
    combine: Literal["max", "mean"] = "max"
    kl_threshold: PositiveNumber = 0.1
    mean_threshold: PositiveNumber = 0.2
    median_threshold: PositiveNumber = 0.5
    kl_weight: Share = 0.5
    mean_weight: Share = 0.3
    median_weight: Share = 0.2
    min_window_rows: Positive = 3_000
    min_warm_pairs: Positive = 200
    min_users: Positive = 30
    p_value: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.01
    bootstrap_samples: Samples = 999
    rmse_trigger: Limit = None
    unknown_users_trigger: Limit = None
    unknown_movies_trigger: Limit = None
    volume_trigger: Limit = None
    age_trigger_days: Limit = None
    cooldown_seconds: NotNegative = 0
    seed: Seed = SEED
