"""What every table must be, as data: one declaration per table, from which all its checks follow.

A table that none is written for is asked for its columns, rows and key.

Names and types of columns are those of `reco_assets.tables`. What doesn't belong here: how a
declaration is measured, and what follows from it.
"""

from collections.abc import Iterable, Mapping, Sequence

from reco_assets import tables
from reco_assets.events.schema import EVENT_TYPES
from reco_assets.measured_tables import MODEL_METRICS
from reco_assets.models.judging.comparison import BASELINE, CANDIDATE, CHAMPION
from reco_assets.quality.common_rules import (
    A_MOVIE,
    HALF_STARS,
    STARS,
    at_least,
    calendar,
    not_empty,
    not_future,
    one_of,
)
from reco_assets.quality.declaration import (
    Bins,
    Declaration,
    EachRow,
    Empty,
    HasEntries,
    Raters,
    Rule,
    YearsUntil,
)
from reco_assets.quality.served import SERVED
from reco_assets.sources.source import LINE, LOADED_TS, SOURCE_FILE
from reco_assets.vocabulary import KEY, LEARNED_SIDES, SIDES
from resources.tables.files import TableSpec

FIRST_FILM, YEARS_AHEAD = 1870, 10

TITLED, TAGGED = not_empty("title"), not_empty("tag")
REASONED = Rule("a reason is given", ("reasons",), HasEntries())
RATING_RULES = (*at_least(0, "user_id", "movie_id"), STARS, not_future("rating_ts"))
# Of tables that keep every row they took: intake judged its date, and one let in by a wrong clock would stop all after.
STREAMED_RULES = (*RATING_RULES[:-1], not_future("rating_ts", warns=True))
RATING = (*KEY, "rating")
PLACE = ("source", "topic", "partition", "offset")  # of a message
DECADES = Bins("release_year", 1870, 10, 17)
PEOPLE = Raters("user_id", "rating_ts")


def _bronze(spec: TableSpec, *rules: Rule, empty: Empty = Empty.ERROR) -> Declaration:
    """A typed value keeps its rules, or is null; and a raw table may repeat a row, which cleaning counts: no key."""
    return Declaration(
        spec.name,
        spec.schema,
        required=(LINE, SOURCE_FILE, LOADED_TS),
        rules=(*rules, *at_least(1, LINE), not_future(LOADED_TS)),
        empty=empty,
    )


def _quarantine(spec: TableSpec, may_be_absent: bool = False) -> Declaration:
    return Declaration(
        spec.name,
        spec.schema,
        required=tuple(spec.schema.names),
        rules=(*at_least(1, "line"), REASONED),
        key=spec.key,
        empty=Empty.FINE,
        may_shrink=None,
        may_be_absent=may_be_absent,
    )


def _side(spec: TableSpec, empty: Empty = Empty.ERROR) -> Declaration:
    return Declaration(
        spec.name,
        spec.schema,
        required=(*RATING, "origin"),
        rules=STREAMED_RULES,
        key=spec.key,
        distributions=(HALF_STARS,),
        empty=empty,
    )


_WRITTEN = (
    _bronze(tables.BRONZE_RATINGS, *at_least(0, "user_id", "movie_id", "timestamp"), STARS),
    _bronze(tables.BRONZE_MOVIES, *at_least(0, "movie_id"), TITLED, empty=Empty.WARNING),
    _bronze(tables.BRONZE_TAGS, *at_least(0, "user_id", "movie_id", "timestamp"), TAGGED, empty=Empty.WARNING),
    Declaration(
        "silver/ratings",
        tables.SILVER_RATINGS.schema,
        required=(*RATING, "year", "month"),
        rules=(*RATING_RULES, *calendar("rating_ts")),
        key=tables.SILVER_RATINGS.key,
        references=(A_MOVIE,),
        distributions=(HALF_STARS,),
        raters=PEOPLE,
    ),
    Declaration(
        "silver/movies",
        tables.SILVER_MOVIES.schema,
        required=("movie_id", "title", "genres_string", "genres"),
        rules=(
            *at_least(0, "movie_id"),
            TITLED,
            # Found in titles, where any four digits may stand; nothing but what is shown depends on it.
            Rule(
                "release_year is one of films",
                ("release_year",),
                YearsUntil(FIRST_FILM, YEARS_AHEAD),
                warns=True,
            ),
        ),
        key=tables.SILVER_MOVIES.key,
        distributions=(DECADES,),
        empty=Empty.WARNING,
    ),
    Declaration(
        "silver/tags",
        tables.SILVER_TAGS.schema,
        required=("user_id", "movie_id", "tag", "tag_ts", "year", "month"),
        rules=(
            *at_least(0, "user_id", "movie_id"),
            TAGGED,
            not_future("tag_ts"),
            *calendar("tag_ts"),
        ),
        references=(A_MOVIE,),
        empty=Empty.WARNING,
    ),
    *(_quarantine(spec) for spec in tables.QUARANTINES),
    Declaration(
        "silver/split_ratings",
        tables.SPLIT_RATINGS.schema,
        required=(*RATING, "origin", "side", "policy"),
        rules=(*RATING_RULES, one_of("side", *SIDES)),
    ),
    _side(tables.TRAIN_RATINGS),
    _side(
        tables.TEST_RATINGS, empty=Empty.WARNING
    ),  # users get lists all the same, and nothing tells how good they are
    _side(tables.FUTURE_RATINGS, empty=Empty.FINE),
    Declaration(
        "stream/ratings",
        tables.STREAM_RATINGS.schema,
        required=("batch", "line", *RATING, "split"),
        rules=(*STREAMED_RULES, *at_least(1, "line"), one_of("split", *LEARNED_SIDES)),
        key=tables.STREAM_RATINGS.key,
        references=(A_MOVIE,),
        distributions=(HALF_STARS,),
        raters=PEOPLE,
        empty=Empty.FINE,
        may_be_absent=True,
        may_shrink=0.0,
    ),
    _quarantine(tables.STREAM_QUARANTINE, may_be_absent=True),
    Declaration(
        "events/log",
        tables.EVENTS_LOG.schema,
        required=("event_id", "event_type", "event_ts", *PLACE, "ingested_ts", "event_date"),
        rules=(
            *at_least(0, "user_id", "movie_id", *PLACE[2:]),
            one_of("event_type", *EVENT_TYPES),
            STARS,
            Rule(
                "event_date is the day of event_ts",
                ("event_date", "event_ts"),
                EachRow("event_date = to_date(event_ts)"),
            ),
            not_future("event_ts", warns=True),  # extraction judged it; one let in by a wrong clock stays
        ),
        key=tables.EVENTS_LOG.key,
        empty=Empty.FINE,
        may_be_absent=True,
        may_shrink=0.0,
    ),
    Declaration(
        "events/dead_letters",
        tables.DEAD_LETTERS.schema,
        required=(*PLACE, "messages", "reasons", "ingested_ts"),
        rules=(
            *at_least(0, *PLACE[2:]),
            *at_least(1, "messages"),
            REASONED,
        ),
        empty=Empty.FINE,
        may_be_absent=True,
        may_shrink=0.0,
    ),
    *SERVED,
    Declaration(
        "models/metrics",
        MODEL_METRICS.schema,
        required=("judged_version", "judged_ts", "model", "slice", "value", "test_count", "users"),
        rules=(
            *at_least(0, "users"),
            *at_least(1, "test_count"),
            one_of("model", CANDIDATE, BASELINE, CHAMPION),
            not_future("judged_ts"),
        ),
        key=MODEL_METRICS.key,
        empty=Empty.FINE,
        may_be_absent=True,
    ),
)


def with_plain_ones(written: Sequence[Declaration], specs: Iterable[TableSpec]) -> tuple[Declaration, ...]:
    """These declarations, and a plain one for each table that none of them is about."""
    known = {declaration.table for declaration in written}
    others = (spec for spec in specs if spec.name not in known)
    return (*written, *(Declaration(s.name, s.schema, required=s.key, key=s.key, empty=Empty.WARNING) for s in others))


DECLARATIONS = with_plain_ones(_WRITTEN, tables.DECLARED.values())
DECLARED: Mapping[str, Declaration] = {declaration.table: declaration for declaration in DECLARATIONS}
