"""Which families of models there are, and which of them serves. A new family is registered here, and nowhere else."""

from reco_assets.models.als.family import ALS
from reco_assets.models.interface import Family

FAMILIES: tuple[Family, ...] = (ALS,)
SERVING_FAMILY = ALS  # gold follows its champion, drift watches it, and the commands speak of it
