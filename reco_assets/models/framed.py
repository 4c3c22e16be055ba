"""Ratings that the engine holds, however many: what is fitted to them is fitted by the engine. Pure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reco_assets.models.trial_slice import Dated, dated
from reco_assets.vocabulary import RATING_COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TRIED_ON = 1_000_000  # ratings at most that settings are tried on, in memory: with 5 M Spark's driver held 1 GiB more


@dataclass(frozen=True)
class FramedRatings:
    """n ratings as a frame with user_id and movie_id (int) and rating (float, stars), a row each; len() is n."""

    frame: "DataFrame"
    count: int

    def __len__(self) -> int:
        return self.count

    def of_some_users(self, most: int, seed: int) -> Dated:
        """All ratings of so many users as have about `most` of them, chosen by a hash; of all users where these do.

        In the same order, however many cores read them: a study of settings is named after the ratings as they come.
        Their moments come with them where the frame has `rating_ts`.
        """
        from pyspark.sql import functions as F

        rows = self.frame
        if self.count > most:
            share = F.pmod(F.xxhash64("user_id", F.lit(seed)), F.lit(self.count))
            rows = rows.filter(share < most)
        columns = [*RATING_COLUMNS, *(["rating_ts"] if "rating_ts" in rows.columns else [])]
        return dated(rows.select(*columns).toArrow().sort_by([(name, "ascending") for name in columns]))
