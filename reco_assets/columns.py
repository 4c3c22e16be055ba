"""What columns mean that mean the same in every table, and from which columns elsewhere columns are made. Pure."""

from collections.abc import Mapping

Origins = tuple[tuple[str, str], ...]  # (table, column)

MEANINGS: Mapping[str, str] = {
    "user_id": "A person, as the source numbers them.",
    "movie_id": "A movie, as the source numbers them.",
    "rating": "Stars, from 0.5 to 5 by halves.",
    "rating_ts": "When the rating was made, UTC.",
    "title": "The movie's title, with its year in parentheses where the source has it so.",
    "genres": "The movie's genres.",
    "genres_string": "The movie's genres as one text, separated by |.",
    "release_year": "The year in which the movie came out.",
    "tag": "A word or words that a person put to a movie.",
    "tag_ts": "When the tag was put, UTC.",
    "year": "The year; of ratings and tags that of their moment, by which the table is partitioned.",
    "month": "The month of the moment, by which the table is partitioned.",
    "source": "The file, or the topic, that the row came from.",
    "line": "The row's line in its file, from 1.",
    "raw": "The row as it came.",
    "reasons": "The rules that the row breaks.",
    "origin": "Where the rating came from: history, or stream.",
    "side": "train, test or future.",
    "split": "train or test.",
    "policy": "How the split was made, and by which shares.",
    "batch": "The sha256 of the file's content.",
    "model_version": "The version of the model that made the row.",
    "variant": "Whose list the user gets: champion, or challenger for a share of users while an experiment runs.",
    "experiment": "The experiment's id.",
    "movies": "The movies of the user's list, the best first.",
    "shown_ts": "From when on the user was shown this list, UTC.",
    "generated_ts": "When the row was made, UTC.",
    "rank": "The place in the list, from 1.",
    "_line": "The row's line in its file, from 1.",
    "_source_file": "The file's name.",
    "_loaded_ts": "When the row was loaded, UTC.",
    "event_id": "The event's own id, by which it counts once.",
    "event_type": "What happened: the user looked, clicked, rated …",
    "session_id": "The visit that the event belongs to.",
    "event_ts": "When it happened, UTC.",
    "ingested_ts": "When it was taken into the lake, UTC.",
    "topic": "The topic of the broker.",
    "partition": "The partition of the topic.",
    "offset": "The message's place in its partition.",
    "key": "The message's key, as it came.",
    "rule_id": "The rule's number.",
    "value": "What is named or counted.",
    "from_day": "The first day (UTC) on which it is in force.",
    "reason": "Why, in words.",
    "added_ts": "When it was added, UTC.",
    "judged_version": "The version that was judged.",
    "judged_ts": "When it was judged, UTC.",
    "slice": "Which part of the test ratings.",
    "test_count": "How many test ratings there are in the slice.",
    "warm_share": "The share of them whose user and movie the model knows.",
    "rmse_all": "Root mean squared error in stars, on all of them.",
    "mae_all": "Mean absolute error in stars, on all of them.",
    "ndcg": "Normalised discounted cumulative gain of the lists, mean over users, 0 to 1.",
    "hit_rate": "The share of users with at least one hit in their list.",
}

_RATING = ("user_id", "movie_id", "rating", "rating_ts")
_SIDES = ("silver/split_ratings", "stream/ratings")
_LISTS = ("gold/recommendations_als", "gold/recommendations_fresh")
# From which tables columns come that have the same name there.
COPIED: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "silver/ratings": (("bronze/ratings", "events/log"), ("user_id", "movie_id", "rating")),
    "silver/movies": (("bronze/movies",), ("movie_id", "title", "genres")),
    "silver/tags": (("bronze/tags",), ("user_id", "movie_id", "tag")),
    "silver/split_ratings": (("silver/ratings",), _RATING),
    "silver/train_ratings": (_SIDES, _RATING),
    "silver/test_ratings": (_SIDES, _RATING),
    "silver/future_ratings": (("silver/split_ratings",), _RATING),
    "gold/trending": (("events/log",), ("movie_id",)),
    "gold/exposures": (_LISTS, ("user_id", "variant", "model_version")),
}
_MOMENT: Origins = (("bronze/ratings", "timestamp"), ("events/log", "event_ts"))
_TAGGED: Origins = (("bronze/tags", "timestamp"),)
_LEARNED: Origins = tuple(("silver/train_ratings", column) for column in ("user_id", "movie_id", "rating"))
_USERS: Origins = (("silver/train_ratings", "user_id"),)
_MOVIES: Origins = (("silver/train_ratings", "movie_id"),)
# From which columns the rest is made.
MADE: Mapping[str, Mapping[str, Origins]] = {
    "silver/ratings": {"rating_ts": _MOMENT, "year": _MOMENT, "month": _MOMENT},
    "silver/movies": {
        "genres_string": (("bronze/movies", "genres"),),
        "release_year": (("bronze/movies", "year"), ("bronze/movies", "title")),
    },
    "silver/tags": {"tag_ts": _TAGGED, "year": _TAGGED, "month": _TAGGED},
    "silver/split_ratings": {"side": (("silver/ratings", "user_id"), ("silver/ratings", "rating_ts"))},
    "gold/recommendations_als": {"user_id": _USERS, "recommendations": _LEARNED, "variant": _USERS},
    "gold/recommendations_fresh": {
        "user_id": (("stream/ratings", "user_id"),),
        "recommendations": tuple(("stream/ratings", column) for column in ("user_id", "movie_id", "rating")),
        "variant": (("stream/ratings", "user_id"),),
    },
    "gold/recommendations_why": {
        "user_id": (("gold/recommendations_als", "user_id"),),
        "movie_id": (("gold/recommendations_als", "recommendations"),),
        "because": _LEARNED,
        "model_version": (("gold/recommendations_als", "model_version"),),
    },
    "gold/exposures": {
        "movies": tuple((table, "recommendations") for table in _LISTS),
        "shown_ts": tuple((table, "generated_ts") for table in _LISTS),
    },
    "gold/similar_movies": {"movie_id": _MOVIES, "similar": _LEARNED},
    "gold/trending": {
        "score": (("events/log", "event_type"), ("events/log", "event_ts")),
        "events": (("events/log", "event_id"),),
        "as_of": (("events/log", "event_ts"),),
    },
}


def origins_of(table: str) -> Mapping[str, Origins]:
    """From which columns of other tables each column of a table is made; one that is made from none is left out."""
    tables, columns = COPIED.get(table, ((), ()))
    return {column: tuple((above, column) for above in tables) for column in columns} | dict(MADE.get(table, {}))
