"""What is sent and received, as the OpenAPI document shows it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from reco_assets.serving.opening import LONGEST_LIST
from reco_assets.vocabulary import HIGHEST_RATING, LOWEST_RATING

LARGEST_ID = 2**31 - 1
MOST_RATINGS = 10_000  # of one person

Id = Annotated[int, Field(ge=0, le=LARGEST_ID)]
Length = Annotated[int, Field(ge=1, le=LONGEST_LIST)]


def _number(value: Any) -> Any:
    """What JSON calls a number. Pydantic alone also takes true and "1", and its strict mode refuses 1.0 as an id."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number is needed")
    return value


Numeric = BeforeValidator(_number)
ErrorKind = Literal["no_champion", "unknown_movie", "invalid_request", "no_such_route", "failed"]


class Entry(BaseModel):
    """A movie of a list. Scores order one list, unless it is made varied; those of two lists are not comparable."""

    rank: int
    movie_id: int
    title: str
    genres: str
    score: float


class Recommendations(BaseModel):
    """A user's list. known_user: the champion was trained on the user's ratings; others get the popular movies."""

    model_version: str
    user_id: int
    known_user: bool
    movies: list[Entry]


class Similar(BaseModel):
    """The movies most like one; score is the cosine, at most 1."""

    model_version: str
    movie_id: int
    movies: list[Entry]


class Trending(BaseModel):
    """Movies that people turn to now, by events up to as_of; none where there are no events."""

    as_of: datetime | None
    movies: list[Entry]


class Rating(BaseModel):
    """What someone thinks of a movie."""

    model_config = ConfigDict(extra="forbid")

    movie_id: Annotated[Id, Numeric]
    stars: Annotated[float, Field(ge=LOWEST_RATING, le=HIGHEST_RATING, multiple_of=0.5), Numeric]


class Rated(BaseModel):
    """The ratings of someone whom the champion was not trained on; of a movie that is named twice the mean counts."""

    model_config = ConfigDict(extra="forbid")

    ratings: Annotated[list[Rating], Field(min_length=1, max_length=MOST_RATINGS)]
    n: Annotated[Length, Numeric] | None = None


class ForRatings(BaseModel):
    """A list for these ratings. unknown_movies: those that say nothing, as the champion was not trained on them."""

    model_version: str
    unknown_movies: list[int]
    movies: list[Entry]


class Health(BaseModel):
    """Whether answers can be had, of which version, and why none newer (failure)."""

    status: Literal["ok", "no_champion"]
    model_version: str | None
    failure: str | None


class Failure(BaseModel):
    """What every error is: its kind for programs, and what to do in words."""

    error: ErrorKind
    message: str
