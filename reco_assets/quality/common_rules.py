"""Rules that several tables share, as data."""

from reco_assets.quality.declaration import (
    AtLeast,
    Bins,
    Calendar,
    EachRow,
    FewValues,
    NotEmpty,
    Reference,
    Rule,
    UntilNow,
)
from reco_assets.vocabulary import ALLOWED_RATINGS, HIGHEST_RATING, LOWEST_RATING, RATING_STEP


def at_least(lowest: int, *columns: str) -> tuple[Rule, ...]:
    """Numbers from `lowest` on."""
    return tuple(Rule(f"{name} from {lowest}", (name,), AtLeast(lowest)) for name in columns)


def not_future(column: str, *, warns: bool = False) -> Rule:
    """A time up to now and the skew of clocks."""
    return Rule(f"{column} not in the future", (column,), UntilNow(), warns)


def not_empty(column: str) -> Rule:
    """Text of at least one character."""
    return Rule(f"{column} is not empty", (column,), NotEmpty())


def one_of(column: str, *values: str) -> Rule:
    """One of these words."""
    return Rule(f"{column} is one of {', '.join(values)}", (column,), FewValues(values))


def calendar(time: str) -> tuple[Rule, ...]:
    """The columns year and month, which tables are partitioned by, as the time says."""
    return tuple(Rule(f"{name} is that of {time}", (name, time), Calendar(time)) for name in ("year", "month"))


def numbered(column: str, number: str) -> str:
    """SQL: each entry of a list has a movie_id and a number in its field of that name."""
    given = " AND ".join(f"size(array_compact({column}.{name})) = size({column})" for name in ("movie_id", number))
    return f"{given} AND NOT array_contains({column}.{number}, CAST('NaN' AS FLOAT))"


A_MOVIE = Reference("movie_id", "movie_id", "silver/movies", "movie_id")
HALF_STARS = Bins("rating", LOWEST_RATING, RATING_STEP, len(ALLOWED_RATINGS))
STARS = Rule(f"rating from {LOWEST_RATING} to {HIGHEST_RATING} in half steps", ("rating",), FewValues(ALLOWED_RATINGS))
SPEAKS = Rule(
    "because has a movie and its share, above 0, in each entry",
    ("because",),
    EachRow(f"{numbered('because', 'share')} AND coalesce(array_min(because.share) > 0, true)"),
)
