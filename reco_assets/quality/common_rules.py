"""Rules that several tables share, as data."""

from reco_assets.quality.declaration import AtLeast, Bins, Calendar, FewValues, NotEmpty, Rule, UntilNow
from reco_assets.vocabulary import ALLOWED_RATINGS, HIGHEST_RATING, LOWEST_RATING, RATING_STEP


def at_least(lowest: int, *columns: str) -> tuple[Rule, ...]:
    """Numbers from `lowest` on."""
    return tuple(
        Rule(f"{name} from {lowest}", (name,), f"{name} >= {lowest}", shape=AtLeast(lowest)) for name in columns
    )


def not_future(column: str, *, warns: bool = False) -> Rule:
    """A time up to now and the skew of clocks."""
    return Rule(f"{column} not in the future", (column,), f"unix_seconds({column}) <= {{latest}}", warns, UntilNow())


def not_empty(column: str) -> Rule:
    """Text of at least one character."""
    return Rule(f"{column} is not empty", (column,), f"{column} <> ''", shape=NotEmpty())


def one_of(column: str, *values: str) -> Rule:
    """One of these words."""
    listed = ", ".join(f"'{value}'" for value in values)
    return Rule(
        f"{column} is one of {', '.join(values)}", (column,), f"{column} IN ({listed})", shape=FewValues(values)
    )


def calendar(time: str) -> tuple[Rule, ...]:
    """The columns year and month, which tables are partitioned by, as the time says."""
    return (
        Rule(f"year is that of {time}", ("year", time), f"year = year({time})", shape=Calendar(time)),
        Rule(f"month is that of {time}", ("month", time), f"month = month({time})", shape=Calendar(time)),
    )


HALF_STARS = Bins("rating", LOWEST_RATING, RATING_STEP, len(ALLOWED_RATINGS))
STARS = Rule(
    f"rating from {LOWEST_RATING} to {HIGHEST_RATING} in half steps",
    ("rating",),
    # Doubles, each by name: with decimals, or a floor, Sail raises "Cannot cast to Decimal" on NaN.
    f"CAST(rating AS DOUBLE) IN ({', '.join(f'{label}D' for label in HALF_STARS.labels)})",
    shape=FewValues(ALLOWED_RATINGS),
)
