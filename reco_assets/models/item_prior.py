"""How a family of models lists movies that nobody rated, by what else is known of them. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from reco_assets.models.catalogue import Catalogue
from reco_assets.models.ratings import Ratings
from reco_assets.models.trial_slice import Goal

Model = TypeVar("Model")


@dataclass(frozen=True)
class PriorCheck:
    """Whether features tell enough of movies to list those without ratings, and what model.json keeps of it.

    The record has one `line` that says it, `movies` (how many have no ratings) and, where it was judged, figures.
    """

    useful: bool
    record: Mapping[str, Any]


@dataclass(frozen=True)
class ItemPrior(Generic[Model]):
    """What a family does with a catalogue.

    Attributes:
        check: Judges what it tells by some training ratings: of movies all of whose ratings are hidden.
        add: Makes a trained model know those of its movies that nobody rated.
    """

    check: Callable[[Ratings, Catalogue, Any, Goal], PriorCheck]
    add: Callable[[Model, Catalogue], Model]
