"""Where ratings come from, and how many of them are made up where they come from nowhere."""

from typing import Annotated, Literal

from pydantic import Field

from resources.settings.group import SEED, Group, LocalPath, Positive, Seed, below

SourceName = Literal["movielens", "netflix", "presplit", "columns", "synthetic"]


class SourceSettings(Group, alias_generator=below("RECO_SOURCE_")):
    """Which source is loaded; without a name it is recognised by its files."""

    name: Annotated[SourceName | None, Field(alias="RECO_SOURCE")] = None
    path: LocalPath | None = None
    columns: Annotated[str | None, Field(alias="RECO_COLUMNS")] = None
    replace: Annotated[Literal["on", "off"], Field(alias="RECO_REPLACE_SOURCE")] = "off"

    @property
    def replaces(self) -> bool:
        """Whether a run may replace what the lakehouse was loaded from by another source."""
        return self.replace == "on"


class SyntheticSettings(Group, alias_generator=below("SYNTHETIC_")):
    """How much to make: numbers of users, movies and ratings, and the seed that decides everything else."""

    users: Positive = 600
    movies: Positive = 2_000
    ratings: Positive = 60_000
    seed: Seed = SEED
