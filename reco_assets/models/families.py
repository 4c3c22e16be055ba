"""Which families of models there are, and which of them serves. A new family is registered here, and nowhere else."""

from reco_assets.models.als.family import ALS
from reco_assets.models.interface import Family
from reco_assets.models.ncf.family import NCF
from resources.errors import RecoError

FAMILIES: tuple[Family, ...] = (ALS, NCF)
SERVING_FAMILY = ALS  # gold follows its champion, drift watches it, and commands speak of it unless another is named


class NoSuchFamilyError(RecoError):
    """There is no such family; the message names those there are."""


def family_named(name: str) -> Family:
    """A family by its name. Raises `NoSuchFamilyError`."""
    families = {family.name: family for family in FAMILIES}
    if name not in families:
        raise NoSuchFamilyError(f"There is no model family {name!r}. There are: {', '.join(families)}.")
    return families[name]


def assets_of(family: Family) -> tuple[str, str, str]:
    """The keys of a family's candidate, evaluation and champion."""
    return f"models/{family.name}_candidate", f"models/{family.name}_evaluation", f"models/{family.name}_champion"
