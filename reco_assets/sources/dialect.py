"""What a person says of files of their own: which columns are what, and how they are written. Pure."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from reco_assets.sources.convert import parsed_scale, require_form_of_time
from reco_assets.sources.presplit import FILES

NEEDED = {
    "ratings": ("user_id", "movie_id", "rating"),
    "movies": ("movie_id", "title"),
    "tags": ("user_id", "movie_id", "tag"),
}
_NOT_IN_SEPARATORS = r'[\w"\r\n\0\x1f]'


def _separator(text: str) -> str:
    named = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if not 1 <= len(named) <= 3 or re.search(_NOT_IN_SEPARATORS, named):
        raise ValueError("separator must be 'tab', or one to three signs that are no letters, digits or quotes")
    return named


def _file(name: str) -> str:
    if not name or "/" in name or "\\" in name or name in (".", ".."):
        raise ValueError("file must be the name of a file in the source's folder, without a folder")
    if name in FILES:
        raise ValueError(f"file must not be one of {', '.join(FILES)}, which name ratings that came already split")
    return name


def _column(said: Any) -> Any:
    if isinstance(said, bool) or not ((isinstance(said, str) and said) or (isinstance(said, int) and said > 0)):
        raise ValueError(
            "must be a column's name, in quotes where YAML takes it for more than text, or its place from 1"
        )
    return said


def _scale(text: str) -> str:
    parsed_scale(text)
    return text


Column = Annotated[int | str, BeforeValidator(_column)]
Columns = Mapping[str, int | str]  # {what a column is to the platform: its place or name}
Time = Annotated[str, AfterValidator(require_form_of_time)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Text(_Strict):
    """How a text file is written; Parquet says all of it itself. Encoding None: UTF-8, and else Latin-1."""

    file: Annotated[str, AfterValidator(_file)]
    separator: Annotated[str, AfterValidator(_separator)] = ","
    header: bool = True
    encoding: Literal["utf-8", "latin-1"] | None = "utf-8"
    quotes: bool = True


class RatingsFile(Text):
    """Ratings, the scale that they are on, and how times are written; without a timestamp there are none."""

    columns: dict[Literal["user_id", "movie_id", "rating", "timestamp"], Column]
    scale: Annotated[str, AfterValidator(_scale)] = "stars"
    time: Time = "seconds"


class MoviesFile(Text):
    """Movies. `genre_flags`: {column: genre}, of columns with a 1 where a movie is of it."""

    columns: dict[Literal["movie_id", "title", "genres", "year"], Column]
    genres_separator: Annotated[str, Field(min_length=1)] = "|"
    genre_flags: dict[Column, str] = {}


class TagsFile(Text):
    """Tags, and how their times are written."""

    columns: dict[Literal["user_id", "movie_id", "tag", "timestamp"], Column]
    time: Time = "seconds"


class Files(_Strict):
    """The files of a source. `ids` says whether ids are text; `auto`: where most of the first ones are no numbers."""

    ratings: RatingsFile
    movies: MoviesFile | None = None
    tags: TagsFile | None = None
    ids: Literal["auto", "text", "integer"] = "auto"

    @model_validator(mode="after")
    def _are_whole(self) -> "Files":
        for table, needed in NEEDED.items():
            if (file := getattr(self, table)) is None:
                continue
            columns: Columns = file.columns
            if missing := [name for name in needed if name not in columns]:
                raise ValueError(f"columns of {table} must say which one is {' and which one '.join(missing)}")
            if not file.header and (named := [value for value in columns.values() if isinstance(value, str)]):
                raise ValueError(f"columns of {table} must be places from 1, as there is no header to name {named[0]}")
            if len(set(columns.values())) < len(columns):
                raise ValueError(f"columns of {table} name one column twice")
        return self

    @property
    def said(self) -> str:
        """What is made of scale and times, for the line that names the source; empty where nothing is."""
        parts = []
        if parsed_scale(self.ratings.scale) is not None:
            parts.append(f"{self.ratings.scale} read as 0.5-5 stars")
        if "timestamp" not in self.ratings.columns:
            parts.append("ratings without times are all of 1970-01-01")
        return ", ".join(parts)
