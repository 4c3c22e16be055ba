"""What the tables must be that hold or make lists, as data: part of `declarations`."""

from dataclasses import replace

from reco_assets import tables
from reco_assets.quality.common_rules import A_MOVIE, SPEAKS, at_least, not_empty, not_future, numbered, one_of
from reco_assets.quality.declaration import Declaration, EachRow, Empty, Reference, Rule
from reco_assets.rules.rule import ACTIONS, GREATEST_FACTOR, SUBJECTS
from reco_assets.vocabulary import BASES, VARIANTS
from resources.tables.files import TableSpec

LONGEST_LIST = 1_000


def _lists(spec: TableSpec, column: str) -> Declaration:
    """Ranked lists of movies: at most `LONGEST_LIST` entries, ranks 1, 2, 3 …, scores that are numbers.

    Without lambdas: of a filter with one, on a Delta table, Sail says "No field named".
    """
    size = f"size({column})"
    rules = {
        f"holds at most {LONGEST_LIST} movies": f"{size} <= {LONGEST_LIST}",
        "names no movie twice": f"size(array_distinct({column}.movie_id)) = {size}",
        "has its ranks in order": f"{size} = 0 OR {column}.rank = sequence(1, {size})",
        "has a movie and a number for its score in each entry": numbered(column, "score"),
    }
    return Declaration(
        spec.name,
        spec.schema,
        required=tuple(spec.schema.names),
        rules=(
            *at_least(0, *spec.key),
            *(Rule(f"{column} {name}", (column,), EachRow(holds)) for name, holds in rules.items()),
            not_future("generated_ts"),
        ),
        key=spec.key,
        references=(Reference(column, f"explode({column}.movie_id)", "silver/movies", "movie_id"),),
    )


def _variants(lists: Declaration) -> Declaration:
    return replace(lists, rules=(*lists.rules, one_of("variant", *VARIANTS)))


def _fresh(lists: Declaration) -> Declaration:
    """Of users who came since the last training: none some day, and many the next.

    Without rules in SQL, for which an intake would start the engine's session.
    """
    rules = (*(rule for rule in lists.rules if not isinstance(rule.shape, EachRow)), one_of("basis", *BASES))
    return replace(lists, rules=rules, empty=Empty.FINE, may_be_absent=True, may_shrink=None)


SERVED = (
    Declaration(
        "serving/rules",
        tables.RULES.schema,
        required=("rule_id", "action", "subject", "value", "from_day", "reason", "added_ts"),
        rules=(
            *at_least(1, "rule_id"),
            *at_least(0, "user_id"),
            one_of("action", *ACTIONS),
            one_of("subject", *SUBJECTS),
            *(not_empty(name) for name in ("value", "reason")),
            Rule("factor from 1 to the greatest", ("factor",), EachRow(f"factor > 1 AND factor <= {GREATEST_FACTOR}D")),
            Rule("until_day is not before from_day", ("until_day", "from_day"), EachRow("until_day >= from_day")),
            not_future("added_ts"),
            not_future("removed_ts"),
        ),
        key=tables.RULES.key,
        empty=Empty.FINE,
        may_be_absent=True,
        may_shrink=0.0,
    ),
    Declaration(
        "gold/trending",
        tables.TRENDING.schema,
        required=tuple(tables.TRENDING.schema.names),
        rules=(*at_least(0, "movie_id", "score"), *at_least(1, "events", "rank"), not_future("as_of", warns=True)),
        key=tables.TRENDING.key,
        empty=Empty.FINE,
        may_be_absent=True,
        may_shrink=None,
    ),
    _variants(_lists(tables.RECOMMENDATIONS_ALS, "recommendations")),
    Declaration(
        "gold/exposures",
        tables.EXPOSURES.schema,
        required=tuple(tables.EXPOSURES.schema.names),
        rules=(*at_least(0, "user_id"), one_of("variant", *VARIANTS), not_future("shown_ts")),
        key=tables.EXPOSURES.key,
        empty=Empty.FINE,
        may_be_absent=True,
        may_shrink=None,
    ),
    _fresh(_variants(_lists(tables.RECOMMENDATIONS_FRESH, "recommendations"))),
    _lists(tables.SIMILAR_MOVIES, "similar"),
    Declaration(
        "gold/recommendations_why",
        tables.RECOMMENDATIONS_WHY.schema,
        required=tuple(tables.RECOMMENDATIONS_WHY.schema.names),
        rules=(*at_least(0, "user_id", "movie_id"), SPEAKS),
        key=tables.RECOMMENDATIONS_WHY.key,
        references=(A_MOVIE, Reference("because", "explode(because.movie_id)", "silver/movies", "movie_id")),
        empty=Empty.WARNING,  # so it is where everybody rated all movies
    ),
)
