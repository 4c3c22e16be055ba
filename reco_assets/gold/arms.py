"""Whose lists users get: the champion's, or for a share of them the challenger's while an experiment runs."""

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from reco_assets.models.serving import champion_version
from reco_assets.models.versions.experiments import PARTS, Experiment, running_experiment
from reco_assets.models.versions.store import ModelStore
from reco_assets.vocabulary import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Arm:
    """A version, and which users get its lists: all of them where no experiment runs."""

    variant: str
    version: str
    experiment: Experiment | None = None

    def holds(self, user_id: np.ndarray) -> np.ndarray:
        """Which of these users (n,) int32 are the arm's: (n,) bool."""
        if self.experiment is None:
            return np.ones(len(user_id), bool)
        drawn = self.experiment.draws(user_id)
        return drawn if self.variant == CHALLENGER else ~drawn

    def of(self, rows: "DataFrame") -> "DataFrame":
        """The rows of a frame whose `user_id` is one of the arm's, by the same hash in SQL."""
        from pyspark.sql import functions as F

        if self.experiment is None:
            return rows
        hashed = F.xxhash64(F.col("user_id").cast("int"), F.lit(self.experiment.salt).cast("int"))
        drawn = F.pmod(hashed, F.lit(PARTS)) < self.experiment.parts
        return rows.where(drawn if self.variant == CHALLENGER else ~drawn)


def arms_of(store: ModelStore) -> list[Arm]:
    """The champion's arm, and the challenger's where there is an experiment.

    Raises `NoChampionError`, `ModelStoreError`.
    """
    champion, experiment = champion_version(store), running_experiment(store)
    if experiment is None:
        return [Arm(CHAMPION, champion)]
    return [Arm(CHAMPION, champion, experiment), Arm(CHALLENGER, experiment.challenger, experiment)]


def versions_of(listed: ds.Dataset) -> list[str]:
    """The versions that made a table's lists: the champion's first, where there are two variants."""
    if "variant" not in listed.schema.names:  # made before there were variants, by one version
        first: list[str] = listed.head(1, columns=["model_version"])["model_version"].to_pylist()
        return first
    made = listed.to_table(columns=["variant", "model_version"]).group_by(["variant", "model_version"]).aggregate([])
    found: list[str] = made.sort_by([("variant", "descending")])["model_version"].to_pylist()
    return list(dict.fromkeys(found))


def together(parts: "list[pa.Table] | list[DataFrame]") -> "pa.Table | DataFrame":
    """The rows of all arms; in memory by user, as those of one arm are."""
    if isinstance(parts[0], pa.Table):
        return parts[0] if len(parts) == 1 else pa.concat_tables(parts).sort_by("user_id")
    return reduce(lambda some, more: some.union(more), parts)
