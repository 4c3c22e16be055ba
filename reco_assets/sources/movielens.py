"""MovieLens CSV files: ratings.csv, movies.csv and, where there is one, tags.csv."""

from pathlib import Path

from reco_assets.sources.layout import Columns, Layout
from reco_assets.sources.source import Format, Source, empty_table
from reco_assets.sources.text_files import csv_table

_IDS = {"userId": "user_id", "movieId": "movie_id"}
LAYOUT = Layout(
    ratings=Columns({**_IDS, "rating": "rating", "timestamp": "timestamp"}),
    movies=Columns({"movieId": "movie_id", "title": "title", "genres": "genres"}),
    tags=Columns({**_IDS, "tag": "tag", "timestamp": "timestamp"}),
)
RATINGS, MOVIES, TAGS = LAYOUT


def source(folder: Path) -> Source:
    """The MovieLens files in a folder; tags.csv is optional."""
    tags = folder / "tags.csv"
    return Source(
        name="movielens",
        ratings=csv_table(folder / "ratings.csv", RATINGS),
        movies=csv_table(folder / "movies.csv", MOVIES),
        tags=csv_table(tags, TAGS) if tags.exists() else empty_table(TAGS),
        files=(folder / "ratings.csv", folder / "movies.csv", tags),
        optional=frozenset({tags.name}),
    )


FORMAT = Format(source, signs=("ratings.csv",))
