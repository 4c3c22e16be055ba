"""What a neural model is trained with, and what its model.json holds."""

from dataclasses import dataclass

from reco_assets.models.record import ModelRecord


@dataclass(frozen=True)
class NcfConfig:
    """Hyperparameters of one training.

    Attributes:
        factors: Numbers that each part of the network keeps of a user and of a movie.
        learning_rate: Of Adam.
        l2: How strongly the factors of each batch's users and movies are drawn to zero.
        dropout: Share of factors that each step leaves out.
        batch_size: Ratings that a step learns from, each with its negatives.
        negatives: Movies drawn for each rating, anew in each epoch.
        max_epochs: How often training goes through the ratings at most.
        patience: After how many epochs that brought nothing on the validation slice training stops.
        features: Whether the features of user and movie are part of the input.
        seed: Of all that is drawn.
    """

    factors: int
    learning_rate: float
    l2: float
    dropout: float
    batch_size: int
    negatives: int
    max_epochs: int
    patience: int
    features: bool
    seed: int


@dataclass(frozen=True)
class Outcome:
    """How a training went: after how many epochs, and the validation slice's NDCG@10 then; None without a slice."""

    epochs: int
    validation_ndcg: float | None = None


class NcfRecord(ModelRecord):
    """model.json of a neural model; mean: stars, of the ratings it was trained on."""

    config: NcfConfig
    outcome: Outcome
    mean: float
