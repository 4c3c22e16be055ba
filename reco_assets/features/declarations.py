"""Every feature, declared once: of whom it tells, its type, what it means, what must hold of it, and its SQL. Pure.

What belongs here: the declarations. What doesn't: the sums they are made of (`running`), and how they are read as of a
moment (`point_in_time`).
"""

from dataclasses import dataclass
from enum import StrEnum

OWNER = "team:reco"
# Stars that a mean starts from, and how many ratings that start weighs. A constant: the mean of all ratings would tell
# the past of ratings to come.
PRIOR_STARS, PRIOR_RATINGS = 3.5, 5
FADING_DAYS = 30  # after so many days what is recent counts half
GENRES = "FLOAT[genres]"  # one number per genre, in the order of the store's genres


class Entity(StrEnum):
    """Of whom a feature tells."""

    USER = "user"
    MOVIE = "movie"
    USER_MOVIE = "user_movie"

    @property
    def ids(self) -> tuple[str, ...]:
        """The columns that name one."""
        return {"user": ("user_id",), "movie": ("movie_id",), "user_movie": ("user_id", "movie_id")}[self.value]


@dataclass(frozen=True)
class Feature:
    """One number, or one per genre, that is known of a user, a movie or both at a moment.

    Attributes:
        name: Its column.
        entity: Of whom it tells.
        type: Its type in DuckDB; GENRES for one number per genre.
        description: What it means, with its unit.
        check: SQL that must hold of every value of it, called `value` there (of every genre's).
        after: SQL over the sums of `running`: its value just after a moment at which something happened. In one of
            genres `{genre}` stands for each genre's number. Empty for what follows from the time and the movie alone.
        at: SQL of its value at a moment `asked.ts`, over the row before it of the user (`of_user`), of the movie
            (`of_movie`), of both (`of_pair`), and the movie itself (`movie`). Empty: as `after` left it.
        unseen: What it is before anything happened.
        owner: Who answers for it.
    """

    name: str
    entity: Entity
    type: str
    description: str
    check: str
    after: str = ""
    at: str = ""
    unseen: float = 0.0
    owner: str = OWNER


def _fading(past: str) -> str:
    """SQL: by how much what was recent at an entity's last moment still counts at the moment asked for."""
    return f"pow(0.5, (epoch(asked.ts) - epoch({past}.ts)) / {FADING_DAYS * 86_400}.0)"


_MEAN = f"(half_stars / 2.0 + {PRIOR_STARS * PRIOR_RATINGS}) / (ratings + {PRIOR_RATINGS})"
_FINITE = "value >= 0 AND value < 'infinity'"
_STARS = "value BETWEEN 0.5 AND 5"
_SHARE = "value BETWEEN 0 AND 1"


def _of_one(entity: Entity, whose: str) -> tuple[Feature, ...]:
    """What is known of a user and of a movie alike."""
    name, past = entity.value, f"of_{entity.value}"
    return (
        Feature(f"{name}_ratings", entity, "UINTEGER", f"Ratings {whose}.", "value >= 0", after="ratings"),
        Feature(
            f"{name}_mean_rating",
            entity,
            "FLOAT",
            f"Mean of the ratings {whose}, in stars, with {PRIOR_RATINGS} more of {PRIOR_STARS} stars.",
            _STARS,
            after=_MEAN,
            unseen=PRIOR_STARS,
        ),
        Feature(
            f"{name}_recent_ratings",
            entity,
            "FLOAT",
            f"Ratings {whose}, each of which counts half after every {FADING_DAYS} days.",
            _FINITE,
            after="recent_ratings",
            at=f"{past}.{name}_recent_ratings * {_fading(past)}",
        ),
        Feature(
            f"{name}_recency",
            entity,
            "FLOAT",
            f"1 at the last event {whose}, half after every {FADING_DAYS} days; 0 before the first.",
            _SHARE,
            at=_fading(past),
        ),
        Feature(f"{name}_views", entity, "UINTEGER", f"Views {whose}.", "value >= 0", after="views"),
        Feature(f"{name}_clicks", entity, "UINTEGER", f"Clicks {whose}.", "value >= 0", after="clicks"),
    )


FEATURES: tuple[Feature, ...] = (
    *_of_one(Entity.USER, "by the user"),
    Feature(
        "user_genre_share",
        Entity.USER,
        GENRES,
        "Share of the user's ratings that went to movies of the genre; a movie has several.",
        _SHARE,
        after="genre_ratings_{genre} / greatest(ratings, 1)",
    ),
    Feature(
        "user_genre_taste",
        Entity.USER,
        GENRES,
        f"By how many stars the user's ratings of the genre are above {PRIOR_STARS}, with {PRIOR_RATINGS} more of "
        f"{PRIOR_STARS} stars.",
        "value BETWEEN -3 AND 1.5",
        after=f"(genre_half_stars_{{genre}} / 2.0 - {PRIOR_STARS} * genre_ratings_{{genre}})"
        f" / (genre_ratings_{{genre}} + {PRIOR_RATINGS})",
    ),
    *_of_one(Entity.MOVIE, "of the movie"),
    Feature(
        "movie_age",
        Entity.MOVIE,
        "FLOAT",
        "Years since the movie's release; 0 before it and where the year is not known.",
        "value BETWEEN 0 AND 300",
        at="greatest(year(asked.ts) - movie.release_year, 0)",
    ),
    Feature("movie_genres", Entity.MOVIE, GENRES, "1 for each of the movie's genres.", _SHARE, at="movie.genre_flags"),
    Feature(
        "pair_views", Entity.USER_MOVIE, "UINTEGER", "Views of the movie by the user.", "value >= 0", after="views"
    ),
    Feature(
        "pair_clicks", Entity.USER_MOVIE, "UINTEGER", "Clicks on the movie by the user.", "value >= 0", after="clicks"
    ),
    Feature(
        "pair_genre_share",
        Entity.USER_MOVIE,
        "FLOAT",
        "The user's genre shares, mean over the movie's genres.",
        _SHARE,
        at="array_inner_product(of_user.user_genre_share, movie.genre_flags) / greatest(movie.genre_count, 1)",
    ),
    Feature(
        "pair_genre_taste",
        Entity.USER_MOVIE,
        "FLOAT",
        "The user's genre tastes in stars, mean over the movie's genres.",
        "value BETWEEN -3 AND 1.5",
        at="array_inner_product(of_user.user_genre_taste, movie.genre_flags) / greatest(movie.genre_count, 1)",
    ),
)
