"""What a version is trained on, and where it came from. Pure."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from reco_assets.models.framed import FramedRatings
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import Inputs


@dataclass(frozen=True)
class TrainingData:
    """What a version is trained on: where its ratings came from, by table or path, and how they were split.

    `moment` (n,) int64 says when each was made, where that is known; `own` is what one family's fit alone knows.
    """

    ratings: Ratings
    inputs: Inputs
    split: str
    lookback_days: int | None = None
    moment: np.ndarray | None = None
    own: Any = None


@dataclass(frozen=True)
class FramedData:
    """The same for ratings that the engine holds."""

    ratings: FramedRatings
    inputs: Inputs
    split: str
    lookback_days: int | None = None
