"""How ratings are split into training, test and future ones."""

from typing import Annotated, Literal

from pydantic import Field

from resources.settings.group import SEED, Fraction, Group, Seed, below

SplitStrategy = Literal["per_user", "global", "random"]


class SplitSettings(Group, alias_generator=below("")):
    """The strategy, the shares of all ratings, and the seed of a random split."""

    strategy: Annotated[SplitStrategy, Field(alias="SPLIT_STRATEGY")] = "per_user"
    test_fraction: Fraction = 0.2
    future_fraction: Fraction = 0.05
    seed: Seed = SEED

    def policy(self) -> str:
        """Names a split completely; two runs with the same policy keep every pair on its side."""
        policy = f"{self.strategy}:test={self.test_fraction:g}:future={self.future_fraction:g}"
        return f"{policy}:seed={self.seed}" if self.strategy == "random" else policy
