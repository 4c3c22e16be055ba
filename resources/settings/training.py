"""How models are trained, judged and found by trial."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from resources.settings.group import (
    SEED,
    Group,
    Positive,
    PositiveNumber,
    Samples,
    Seed,
    Share,
    Stars,
    below,
    can_be_registered,
)

Rank = Annotated[int, Field(ge=1, le=1024)]
ListLength = Annotated[int, Field(ge=1, le=1000)]


class TrainingSettings(Group, alias_generator=below("TRAINING_")):
    """What every family of models is trained on: ratings of how many days before the newest, None for all."""

    lookback_days: Positive | None = None
    seed: Seed = SEED


class AlsSettings(Group, alias_generator=below("ALS_")):
    """The part of an ALS model that predicts stars."""

    rank: Rank = 50
    max_iter: Positive = 10
    reg_param: PositiveNumber = 0.1
    seed: Seed = SEED


class RankingSettings(Group, alias_generator=below("RANKING_")):
    """The part of an ALS model that orders movies; ratings from `like_threshold` stars on count as liked.

    `model`: by ALS, by EASE, or by what does best on a slice of the training ratings, which may be both.
    """

    model: Literal["auto", "als", "ease"] = "auto"
    rank: Rank = 64
    max_iter: Positive = 10
    reg_param: PositiveNumber = 0.1
    alpha: PositiveNumber = 0.75
    like_threshold: Stars = 3.5
    seed: Seed = SEED


class EaseSettings(Group, alias_generator=below("EASE_")):
    """EASE: its penalty, the rank that its weights are kept at, and how many movies it knows at most."""

    reg_param: PositiveNumber = 200.0
    rank: Rank = 128
    max_movies: Annotated[int, Field(ge=1, le=50_000)] = 5_000


class NeuralSettings(Group, alias_generator=below("NCF_")):
    """The neural model: its size, how it is trained and when, and from which figures on it may be deployed."""

    factors: Annotated[int, Field(ge=1, le=512)] = 32
    learning_rate: PositiveNumber = 0.002
    l2: Annotated[float, Field(ge=0.0)] = 1e-3
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2
    batch_size: Positive = 2048
    max_epochs: Positive = 60
    patience: Positive = 4
    negatives: Positive = 8
    features: Literal["on", "off"] = "on"
    min_auc: Share = 0.75
    min_ndcg: Share = 0.50
    min_hit_rate: Share = 0.40
    popularity_factor: Annotated[float, Field(ge=0.0)] = 1.1
    registry_name: Annotated[str, AfterValidator(can_be_registered)] = "reco_ncf"
    seed: Seed = SEED


class JudgingSettings(Group, alias_generator=below("")):
    """How a version is measured and compared: lists of `k`, relevant from `rating_threshold` stars on."""

    k: Annotated[ListLength, Field(alias="EVALUATION_K")] = 10
    rating_threshold: Stars = 4.0
    cold_start_strategy: Annotated[Literal["drop", "nan"], Field(alias="ALS_COLD_START_STRATEGY")] = "drop"
    bootstrap_samples: Annotated[Samples, Field(alias="PROMOTION_BOOTSTRAP_SAMPLES")] = 999
    seed: Seed = SEED
