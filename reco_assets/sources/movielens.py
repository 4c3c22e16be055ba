"""MovieLens files as every release has them: CSV, `::`, 100K's tabs and bars, and the same tables in Parquet."""

from pathlib import Path

from reco_assets.sources.dialect import Files
from reco_assets.sources.layout import Columns, Layout
from reco_assets.sources.own import own_source
from reco_assets.sources.own_blocks import parquet_names
from reco_assets.sources.packed import containers, found
from reco_assets.sources.source import Format, Source, SourceError, empty_table
from reco_assets.sources.text_files import csv_table

_IDS = {"userId": "user_id", "movieId": "movie_id"}
LAYOUT = Layout(
    ratings=Columns({**_IDS, "rating": "rating", "timestamp": "timestamp"}),
    movies=Columns({"movieId": "movie_id", "title": "title", "genres": "genres"}),
    tags=Columns({**_IDS, "tag": "tag", "timestamp": "timestamp"}),
)
RATINGS, MOVIES, TAGS = LAYOUT

_GENRES = (
    *("Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"),
    *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_FIRST_GENRE = 7  # column 6 says that the genre is unknown
_PLACES = {"user_id": 1, "movie_id": 2, "rating": 3, "timestamp": 4}
_BARE = {"header": False, "quotes": False, "encoding": None}
OF_100K = Files.model_validate(
    {
        "ratings": {"file": "u.data", "columns": _PLACES, "separator": "tab", **_BARE},
        "movies": {
            **{"file": "u.item", "columns": {"movie_id": 1, "title": 2}, "separator": "|", **_BARE},
            "genre_flags": dict(enumerate(_GENRES, start=_FIRST_GENRE)),
        },
        "ids": "integer",
    }
)
_DAT = {"separator": "::", **_BARE}
OF_DAT = Files.model_validate(
    {
        "ratings": {"file": "ratings.dat", "columns": _PLACES, **_DAT},
        "movies": {"file": "movies.dat", "columns": {"movie_id": 1, "title": 2, "genres": 3}, **_DAT},
        "tags": {"file": "tags.dat", "columns": {"user_id": 1, "movie_id": 2, "tag": 3, "timestamp": 4}, **_DAT},
        "ids": "integer",
    }
)


def source(folder: Path) -> Source:
    """The MovieLens files in a folder, or in a zip there; tags are optional. Raises `SourceError`."""
    if found(folder, "ratings.csv"):
        return _of_csv(folder)
    if found(folder, "u.data"):
        return own_source("movielens", folder, OF_100K)
    if found(folder, "ratings.dat"):
        return own_source("movielens", folder, _with_what_is_there(folder, OF_DAT))
    if found(folder, "ratings.parquet"):
        return own_source("movielens", folder, _of_parquet(folder))
    return _of_csv(folder)


def _of_csv(folder: Path) -> Source:
    ratings, movies, tags = (found(folder, name) or folder / name for name in ("ratings.csv", "movies.csv", "tags.csv"))
    return Source(
        name="movielens",
        ratings=csv_table(ratings, RATINGS),
        movies=csv_table(movies, MOVIES),
        tags=csv_table(tags, TAGS) if found(folder, "tags.csv") else empty_table(TAGS),
        files=containers((ratings, movies, tags)),
        optional=frozenset({tags.name}),
    )


def _with_what_is_there(folder: Path, files: Files) -> Files:
    """The files without tags where there are none."""
    return files.model_copy(update={"tags": None}) if files.tags and not found(folder, files.tags.file) else files


def _of_parquet(folder: Path) -> Files:
    """Ratings, movies and tags in Parquet: columns named as in the CSV files, or as the platform names them."""
    tables = {"ratings": (RATINGS, ("timestamp",)), "movies": (MOVIES, ("genres",)), "tags": (TAGS, ("timestamp",))}
    described = {
        table: {"file": f"{table}.parquet", "columns": _named(folder, f"{table}.parquet", columns, optional)}
        for table, (columns, optional) in tables.items()
    }
    return _with_what_is_there(folder, Files.model_validate(described))


def _named(folder: Path, file: str, columns: Columns, optional: tuple[str, ...]) -> dict[str, str]:
    """{what a column is: its name there}. Raises `SourceError`."""
    path = found(folder, file)
    if path is None:
        return dict(zip(columns.fields, columns.names, strict=True))
    names = parquet_names(path)
    there = {}
    for written, what in columns.meaning.items():
        if name := next((name for name in (written, what) if name in names), None):
            there[what] = name
        elif what not in optional:
            rule = f"no column {written} or {what} among {', '.join(names)[:120]}"
            raise SourceError(path, None, rule, "Describe the file in columns.yaml beside it (docs/sources.md).")
    return there


FORMAT = Format(source, signs=("ratings.csv", "u.data", "ratings.dat", "ratings.parquet"))
