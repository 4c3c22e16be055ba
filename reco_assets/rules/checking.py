"""What published tables are asked: whether their lists keep the rules that were in force when they were made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.dataset as ds

from reco_assets.models.inputs import frame_ratings, read_ratings
from reco_assets.models.serving import serving_store
from reco_assets.rules.catalogue import COLUMNS
from reco_assets.rules.kept import Kept, Movie, Published, Terms, kept
from reco_assets.rules.reading import read_rules
from reco_assets.tables import (
    RECOMMENDATIONS_ALS,
    RECOMMENDATIONS_FRESH,
    RECOMMENDATIONS_WHY,
    SILVER_MOVIES,
    SIMILAR_MOVIES,
    TRAIN_RATINGS,
)
from resources.settings.lists import ListSettings
from resources.tables.lakehouse import Lakehouse

# {table: whose lists it holds, and the column of their movies}
LISTS: Mapping[str, tuple[str | None, str]] = {
    RECOMMENDATIONS_ALS.name: ("user_id", "recommendations"),
    RECOMMENDATIONS_FRESH.name: ("user_id", "recommendations"),
    SIMILAR_MOVIES.name: (None, "similar"),
    RECOMMENDATIONS_WHY.name: ("user_id", "movie_id"),
}


@dataclass(frozen=True)
class Checked:
    """What was found, when the lists were made (UTC), how many rules were in force then, and if settings hold, too."""

    kept: Kept
    as_of: datetime | None = None
    rules: int = 0
    settings: bool = True

    @property
    def text(self) -> str:
        """What was found, in words."""
        if self.as_of is None:
            return "There are no lists."
        asked = f"{self.rules} rules of {self.as_of:%Y-%m-%d %H:%M:%S}" + " and the settings of lists" * self.settings
        if not self.kept.broken:
            return f"{self.kept.lists:,} lists keep {asked}."
        return (
            f"{self.kept.broken:,} times lists break {asked}: {'; '.join(self.kept.told[:3])}. If settings changed, or "
            "genres did, since they were made: reco rules publish"
        )


def check_lists(lakehouse: Lakehouse, table: str) -> Checked:
    """Look through the lists of one of `LISTS`. Raises `LakehouseError`, `ModelStoreError`."""
    # Reasons are of the lists of gold, made when those were.
    dated = RECOMMENDATIONS_ALS.name if table == RECOMMENDATIONS_WHY.name else table
    made = lakehouse.dataset(dated).head(1, columns=["generated_ts"]).to_pylist()
    if not made:
        return Checked(Kept(0, 0, ()))
    as_of = made[0]["generated_ts"]
    of_users, settings = LISTS[table][0] is not None, lakehouse.settings.lists
    rules = [
        rule for rule in read_rules(lakehouse) if rule.in_force(as_of) and (of_users or rule.draft.user_id is None)
    ]
    new_places = int(settings.new_movies_share * lakehouse.settings.serving.top_n + 1e-9) if of_users else 0
    counted = of_users and (settings.least_ratings or new_places)
    terms = Terms(
        rules=rules,
        settings=settings if of_users else ListSettings(),
        movies=_movies(lakehouse),
        rated={},
        new_places=new_places,
    )
    listed, whole = lakehouse.dataset(table), table != RECOMMENDATIONS_WHY.name
    found = []
    for version in _versions(listed):
        own = replace(terms, rated=_counts(lakehouse, version)) if counted else terms
        found.append(kept(_published(listed, version, *LISTS[table]), own, whole=whole))
    return Checked(_all(found), as_of, len(rules), of_users)


def _versions(listed: ds.Dataset) -> list[str]:
    """The versions that made lists: two while an experiment runs."""
    found: list[str] = pac.unique(listed.to_table(columns=["model_version"])["model_version"]).to_pylist()
    return found


def _all(found: Sequence[Kept]) -> Kept:
    told = tuple(each for some in found for each in some.told)
    return Kept(sum(each.lists for each in found), sum(each.broken for each in found), told)


def _published(table: ds.Dataset, version: str, user: str | None, column: str) -> Iterator[Published]:
    """The lists that a version made in a table; of one with a row a movie each as a list of its own."""
    columns = [column] if user is None else [user, column]
    for batch in table.to_batches(columns=columns, filter=pac.field("model_version") == version):
        users = [None] * len(batch) if user is None else batch[user].to_pylist()
        lists = batch[column]
        if pa.types.is_nested(lists.type):
            ends = [0, *pac.cumulative_sum(lists.value_lengths().fill_null(0)).to_pylist()]
            movies = lists.flatten().field("movie_id").to_pylist()
        else:
            ends, movies = list(range(len(batch) + 1)), lists.to_pylist()
        yield from ((whose, movies[ends[row] : ends[row + 1]]) for row, whose in enumerate(users))


def _movies(lakehouse: Lakehouse) -> dict[int, Movie]:
    if not lakehouse.exists(SILVER_MOVIES.name):
        return {}
    rows = lakehouse.dataset(SILVER_MOVIES.name).to_table(columns=list(COLUMNS)).to_pylist()
    return {row["movie_id"]: Movie(frozenset(row["genres"]), row["release_year"]) for row in rows}


def _counts(lakehouse: Lakehouse, version: str) -> dict[int, int]:
    """How many users rated each movie in the ratings that a version learned from."""
    record = serving_store(lakehouse.settings).record(version)
    learned = TRAIN_RATINGS.name, record.delta_version(TRAIN_RATINGS.name), record.lookback_days
    if lakehouse.goes_by_frames(*learned[:2]):
        from pyspark.sql import functions as F

        frame = frame_ratings(lakehouse, *learned).frame
        rows = frame.groupBy("movie_id").agg(F.countDistinct("user_id").alias("users")).toArrow()
    else:
        ratings = read_ratings(lakehouse, *learned)
        pairs = pa.table({"user_id": ratings.user_id, "movie_id": ratings.movie_id})
        rows = pairs.group_by("movie_id").aggregate([("user_id", "count_distinct")])
        rows = rows.rename_columns(["movie_id", "users"])
    return dict(zip(rows["movie_id"].to_pylist(), rows["users"].to_pylist(), strict=True))
