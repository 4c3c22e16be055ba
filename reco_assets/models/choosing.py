"""The configuration that a version is trained with, after its family settled what was left open. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reco_assets.models.catalogue import Catalogue
from reco_assets.models.interface import Family, Trained
from reco_assets.models.item_prior import ItemPrior
from reco_assets.models.ratings import Ratings
from reco_assets.models.trial_slice import Dated, Goal, held_out_slice


@dataclass(frozen=True)
class Chosen:
    """The configuration to train with, and what model.json keeps of how it was found, by its fields there.

    `catalogue`: whose movies without ratings the model is to know.
    """

    config: Any
    record: Mapping[str, Any]
    catalogue: Catalogue | None = None


def settled_on(family: Family, train: Dated, config: Any, goal: Goal) -> Chosen:
    """A configuration with what the family settles by itself on a slice of some training ratings."""
    if family.settle is None:
        return Chosen(config, {})
    found = family.settle(held_out_slice(train, goal), config, goal)
    return Chosen(found.config, {"settled": found.record})


def with_catalogue(
    prior: ItemPrior[Trained], chosen: Chosen, train: Ratings, catalogue: Catalogue, goal: Goal
) -> Chosen:
    """The same, with a catalogue where it tells enough of movies without ratings."""
    check = prior.check(train, catalogue, chosen.config, goal)
    record = {**chosen.record, "new_movies": check.record}
    return replace(chosen, record=record, catalogue=catalogue if check.useful else None)
