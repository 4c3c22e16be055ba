"""Every table with its declared schema and key, and the files beside tables that several rooms know.

The first part of a table's name is its layer. The lakehouse refuses to write anything else to a table. Paths are below
the lakehouse's root.
"""

from pathlib import Path

from pyspark.sql import types

from reco_assets.declaring import DOUBLE, FLOAT, INT, LONG, STRING, TIMESTAMP, described, struct, table
from reco_assets.measured_tables import MODEL_METRICS, RUNS
from reco_assets.vocabulary import KEY, TEST, TRAIN

# Of two runs that hold it, however they were started, the queue lets the second wait: they would share one memory.
# Every step has it but those of an intake and its drift report, which are small and must not wait for a training.
HEAVY_POOL = "heavy"

_QUARANTINE = {"source": STRING, "line": LONG, "raw": STRING, "reasons": types.ArrayType(STRING)}
_LINE = ("source", "line")
_RATING = {"user_id": INT, "movie_id": INT, "rating": FLOAT, "rating_ts": TIMESTAMP}
_SPLIT_RATING = struct(**_RATING, origin=STRING)
_LIST = types.ArrayType(struct(movie_id=INT, score=FLOAT, rank=INT))

# What is typed is there where a field keeps its rules. Where the raw text doesn't follow from it, the row is rescued.
_PROVENANCE = {"_rescued": STRING, "_line": LONG, "_source_file": STRING, "_loaded_ts": TIMESTAMP}
_SAID = {
    "timestamp": "Unix seconds, UTC.",
    "_rescued": "The line's fields as CSV, of a row that breaks a rule or is written in another way than the rest; "
    "else null.",
}
BRONZE_RATINGS = table(
    "bronze/ratings",
    described(struct(user_id=INT, movie_id=INT, rating=FLOAT, timestamp=LONG, **_PROVENANCE), **_SAID),
)
BRONZE_MOVIES = table(
    "bronze/movies", described(struct(movie_id=INT, title=STRING, genres=STRING, year=INT, **_PROVENANCE), **_SAID)
)
BRONZE_TAGS = table(
    "bronze/tags",
    described(struct(user_id=INT, movie_id=INT, tag=STRING, timestamp=LONG, **_PROVENANCE), **_SAID),
)

# Of sources whose ids are text. No asset: the load of bronze writes it, before the first row that has such an id.
IDS = table(
    "bronze/ids",
    described(
        struct(kind=STRING, text=STRING, id=INT),
        kind="user_id or movie_id.",
        text="The user_id or movie_id, as kind says, of the source.",
        id="The whole number that stands for it everywhere else.",
    ),
    key=("kind", "id"),
)

SILVER_RATINGS = table("silver/ratings", struct(**_RATING, year=INT, month=INT), ("year", "month"), tuple(KEY))
SILVER_MOVIES = table(
    "silver/movies",
    struct(movie_id=INT, title=STRING, genres_string=STRING, genres=types.ArrayType(STRING), release_year=INT),
    key=("movie_id",),
)
SILVER_TAGS = table(
    "silver/tags",
    struct(user_id=INT, movie_id=INT, tag=STRING, tag_ts=TIMESTAMP, year=INT, month=INT),
    ("year", "month"),
)
QUARANTINE_RATINGS = table("silver/quarantine_ratings", struct(**_QUARANTINE), key=_LINE)
QUARANTINE_MOVIES = table("silver/quarantine_movies", struct(**_QUARANTINE), key=_LINE)
QUARANTINE_TAGS = table("silver/quarantine_tags", struct(**_QUARANTINE), key=_LINE)

# No key: a pair that is in split_ratings twice is also twice in the table of its side.
SPLIT_RATINGS = table("silver/split_ratings", struct(**_RATING, origin=STRING, side=STRING, policy=STRING))
TRAIN_RATINGS = table("silver/train_ratings", _SPLIT_RATING, key=tuple(KEY))
TEST_RATINGS = table("silver/test_ratings", _SPLIT_RATING, key=tuple(KEY))
FUTURE_RATINGS = table("silver/future_ratings", _SPLIT_RATING, key=tuple(KEY))

STREAM_RATINGS = table(
    "stream/ratings", struct(batch=STRING, line=LONG, **_RATING, split=STRING), key=("batch", "line")
)
STREAM_QUARANTINE = table("stream/quarantine", struct(batch=STRING, **_QUARANTINE), key=("batch", *_LINE))

# Where in which topic a message lay. `source` tells a topic from a later one of its name, and from files.
_PLACE = {"source": STRING, "topic": STRING, "partition": INT, "offset": LONG}
EVENTS_LOG = table(
    "events/log",
    described(
        struct(
            event_id=STRING,
            event_type=STRING,
            user_id=INT,
            movie_id=INT,
            rating=FLOAT,
            session_id=STRING,
            event_ts=TIMESTAMP,
            title=STRING,
            genres=STRING,
            extra=STRING,
            **_PLACE,
            ingested_ts=TIMESTAMP,
            event_date=types.DateType(),
        ),
        extra="JSON text of the fields that have no column here, those of a later schema_version among them.",
        source="The topic's own id, which a later topic of the same name does not have; files:… without a broker.",
        offset="The message's offset in its partition; of a file the position of its line's first byte.",
        event_date="The day of event_ts, UTC.",
    ),
    ("event_date",),
    ("event_id",),
)
DEAD_LETTERS = table(
    "events/dead_letters",
    described(
        struct(
            **_PLACE,
            messages=LONG,
            key=types.BinaryType(),
            raw=types.BinaryType(),
            reasons=types.ArrayType(STRING),
            ingested_ts=TIMESTAMP,
        ),
        messages="1; of a gap (reason older_than_retention) how many offsets from this one on were gone before they "
        "were read.",
        raw="The message's bytes as they came; null for a gap, and for a message without a value.",
    ),
)

RECOMMENDATIONS_ALS = table(
    "gold/recommendations_als",
    described(
        struct(user_id=INT, recommendations=_LIST, model_version=STRING, generated_ts=TIMESTAMP, variant=STRING),
        recommendations="The best movies, rank 1 first. score is no number of stars but how strongly the ranking part "
        "of the model prefers the movie for this user, about 0 to 1; for a user without a liked movie it is the "
        "movie's share of all ratings. Scores order one user's list; those of two users are not comparable. A rule "
        "that boosts a movie multiplies its score; RECOMMEND_DIVERSITY moves movies, not scores.",
    ),
    key=("user_id",),
)
RECOMMENDATIONS_FRESH = table(
    "gold/recommendations_fresh",
    described(
        struct(**{field.name: field.dataType for field in RECOMMENDATIONS_ALS.schema.fields}, basis=STRING),
        recommendations="As in recommendations_als, for users with ratings that wait for a training.",
        basis="What the user's list is made of: waiting (ratings that wait) or history_and_waiting.",
    ),
    key=("user_id",),
)
RECOMMENDATIONS_WHY = table(
    "gold/recommendations_why",
    described(
        struct(
            user_id=INT, movie_id=INT, because=types.ArrayType(struct(movie_id=INT, share=FLOAT)), model_version=STRING
        ),
        because="The user's own movies that add most to the score of movie_id in the user's list, the greatest first. "
        "share is the part of the score that each adds. Empty where nothing of the user's own speaks for it, as in the "
        "list of a user without a liked movie, which is what is popular.",
    ),
    key=("user_id", "movie_id"),
)
SIMILAR_MOVIES = table(
    "gold/similar_movies",
    described(
        struct(movie_id=INT, similar=_LIST, model_version=STRING, generated_ts=TIMESTAMP),
        similar="The nearest movies, rank 1 first. score is the cosine of the two movies' ranking factors, at most 1.",
    ),
    key=("movie_id",),
)
EXPOSURES = table(
    "gold/exposures",
    struct(
        **{"experiment": STRING, "user_id": INT, "variant": STRING, "model_version": STRING},
        movies=types.ArrayType(INT),
        shown_ts=TIMESTAMP,
    ),
    key=("experiment", "user_id", "shown_ts"),
)
TRENDING = table(
    "gold/trending",
    described(
        struct(movie_id=INT, score=DOUBLE, events=LONG, rank=INT, as_of=TIMESTAMP),
        score="The sum of 2^(-age / half-life) over the views, clicks and ratings of the movie.",
        events="How many views, clicks and ratings the movie has.",
        as_of="The time of the newest event, from which every age is counted.",
    ),
    key=("movie_id",),
)

RULES = table(
    "serving/rules",
    described(
        struct(
            rule_id=INT,
            action=STRING,
            subject=STRING,
            value=STRING,
            user_id=INT,
            factor=DOUBLE,
            from_day=types.DateType(),
            until_day=types.DateType(),
            reason=STRING,
            added_ts=TIMESTAMP,
            removed_ts=TIMESTAMP,
        ),
        action="hide: the movies are in no list of those whom the rule covers. boost: their scores are multiplied.",
        subject="What value names: a movie by its id, a genre, or a release year.",
        user_id="Whom the rule covers; null: everyone.",
        factor="What scores are multiplied by, more than 1 and at most 10; null where movies are hidden.",
        until_day="The last day (UTC) on which it is in force; null: it has no end.",
        removed_ts="When it was removed; it stays, as lists of before kept it.",
    ),
    key=("rule_id",),
)

BRONZE = (BRONZE_RATINGS, BRONZE_MOVIES, BRONZE_TAGS)
SILVER = (SILVER_RATINGS, SILVER_MOVIES, SILVER_TAGS)
QUARANTINES = (QUARANTINE_RATINGS, QUARANTINE_MOVIES, QUARANTINE_TAGS)
SPLITS = (TRAIN_RATINGS, TEST_RATINGS, FUTURE_RATINGS)
SIDE_TABLES = {TRAIN: TRAIN_RATINGS, TEST: TEST_RATINGS}  # those that batches are merged into
STREAM = (STREAM_RATINGS, STREAM_QUARANTINE)
EVENTS = (EVENTS_LOG, DEAD_LETTERS)
GOLD = (RECOMMENDATIONS_ALS, RECOMMENDATIONS_FRESH, RECOMMENDATIONS_WHY, SIMILAR_MOVIES, TRENDING, EXPOSURES)
DECLARED = {
    spec.name: spec
    for spec in (*BRONZE, *SILVER, *QUARANTINES, SPLIT_RATINGS, *SPLITS, *STREAM, *EVENTS, RULES, *GOLD, MODEL_METRICS)
}
WITHOUT_ASSET = {spec.name: spec for spec in (IDS, RUNS)}  # tables that what makes others writes beside

# Files beside tables.
LEDGER = Path("stream", "ledger.sqlite")
ARCHIVE = Path("stream", "archive")  # <batch>.csv
RECEIPTS = Path("stream", "receipts")  # <batch>.json
WITHDRAWALS = Path("stream", "withdrawals")  # <number>.json, a decision each
NOT_TAKEN = Path("stream", "not_taken.json")
RATING_EVENTS = Path("silver", "_rating_events.json")  # the version of events/log that silver/ratings is made with
FUTURES_CSV = Path("processed", "future.csv")
MODELS = Path("gold", "models")
DRIFT_REPORTS = Path("drift", "reports")  # <report id>.json and .html
NEWEST_DRIFT_REPORT = Path("drift", "report.json")
DRIFT_CLAIMS = Path("drift", "claims")
DRIFT_KEPT = Path("drift", "kept")  # what a report leaves for the next one, .npz
