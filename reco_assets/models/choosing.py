"""The configuration that a version is trained with, after its family settled what was left open. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reco_assets.models.interface import Family
from reco_assets.models.trial_slice import Dated, Goal, held_out_slice


@dataclass(frozen=True)
class Chosen:
    """The configuration to train with, and what model.json keeps of how it was found, by its fields there."""

    config: Any
    record: Mapping[str, Any]


def settled_on(family: Family, train: Dated, config: Any, goal: Goal) -> Chosen:
    """A configuration with what the family settles by itself on a slice of some training ratings."""
    if family.settle is None:
        return Chosen(config, {})
    found = family.settle(held_out_slice(train, goal), config, goal)
    return Chosen(found.config, {"settled": found.record})
