"""Bronze, silver and split as polars and delta-rs make them: the same tables from the same files by the same rules.

Polars' own CSV reader types the columns; a row that breaks a rule keeps its text in `_rescued`, and only such rows are
judged by text. No checks, no report, no locks, nothing remembered.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from asked import Asked, from_command_line
from clock import stage

LAST_SECOND = 253_402_300_799
PAIR = ["user_id", "movie_id"]
KEY = [*PAIR, "timestamp"]
IDS = {"userId": pl.Int32, "movieId": pl.Int32}
FILES = {
    "ratings": IDS | {"rating": pl.Float32, "timestamp": pl.Int64},
    "movies": {"movieId": pl.Int32, "title": pl.String, "genres": pl.String},
    "tags": IDS | {"tag": pl.String, "timestamp": pl.Int64},
}
OURS = {"userId": "user_id", "movieId": "movie_id"}


def main() -> None:
    """Make all tables of a folder's files below another folder."""
    asked, (source, lake) = from_command_line(__doc__.splitlines()[0], "source", "lake")
    run(source, lake, asked)


def run(source: Path, lake: Path, asked: Asked) -> None:
    """The three stages, each from the tables of the one before."""
    with stage("bronze") as found:
        for name, schema in FILES.items():
            found[name] = bronze(source / f"{name}.csv", schema, lake / "bronze" / name)
    with stage("silver") as found:
        found["ratings"], found["quarantined"] = silver_ratings(lake)
        silver_movies(lake)
        silver_tags(lake)
    with stage("split") as found:
        found.update(split(lake, asked))


def bronze(file: Path, schema: dict[str, type[pl.DataType]], table: Path) -> int:
    """Write a file's rows, typed, with where they came from; returns how many."""
    scan = pl.scan_csv(file, schema=schema, ignore_errors=True, row_index_name="_line", row_index_offset=2)
    rows = scan.rename(OURS, strict=False).collect(engine="streaming")
    columns = [name for name in rows.columns if name != "_line"]
    broken = rows.filter(~plain(columns))["_line"]
    lines = pl.scan_csv(file, has_header=False, new_columns=["raw"], separator="\x01", quote_char=None)
    texts = lines.with_row_index("_line", 1).filter(pl.col("_line").is_in(broken.implode())).collect()
    rescued = pl.col("_line").replace_strict(texts["_line"], texts["raw"], default=None, return_dtype=pl.String)
    made = rows.lazy().select(
        *columns,
        rescued.alias("_rescued"),
        pl.col("_line").cast(pl.Int64),
        pl.lit(file.name).alias("_source_file"),
        pl.lit(datetime.now(UTC)).alias("_loaded_ts"),
    )
    made.sink_delta(table, mode="overwrite")
    return rows.height


def plain(columns: list[str]) -> pl.Expr:
    """Whether a row keeps every rule that needs no clock."""
    rules = {
        "user_id": pl.col("user_id") >= 0,
        "movie_id": pl.col("movie_id") >= 0,
        "rating": pl.col("rating").is_between(0.5, 5) & (pl.col("rating") * 2 % 1 == 0),
        "timestamp": pl.col("timestamp").is_between(0, LAST_SECOND),
        "title": pl.col("title") != "",
        "tag": pl.col("tag") != "",
    }
    return pl.all_horizontal(rules[name] for name in columns if name in rules).fill_null(False)


def silver_ratings(lake: Path) -> tuple[int, int]:
    """Clean the ratings; returns how many are good and how many are quarantined."""
    rows = pl.scan_delta(lake / "bronze" / "ratings")
    taken = rows.filter(pl.col("_rescued").is_null() & ~in_future())
    pairs = taken.group_by(KEY).agg(pl.min("rating"), pl.max("rating").alias("highest")).collect(engine="streaming")
    apart = pairs.filter(pl.col("rating") != pl.col("highest"))
    rivals = taken.join(apart.lazy().select(KEY), on=KEY, how="semi").sort("_source_file", "_line").collect()
    winners = rivals.unique(KEY, keep="last").select(*KEY, "rating")
    losers = rivals.join(winners, on=KEY, suffix="_won").filter(pl.col("rating") != pl.col("rating_won"))
    agreed = pairs.filter(pl.col("rating") == pl.col("highest")).select(*KEY, "rating")
    good = with_time(pl.concat([agreed, winners]), "rating_ts").select(
        "user_id", "movie_id", "rating", "rating_ts", "year", "month"
    )
    write_by_month(good, lake / "silver" / "ratings")
    refused = rows.filter(pl.col("_rescued").is_not_null() | in_future()).collect()
    quarantined = pl.concat([judged(refused, "rating"), quarantine(losers, pl.lit(["conflicting_duplicate"]))])
    quarantined.write_delta(lake / "silver" / "quarantine_ratings", mode="overwrite")
    return good.height, quarantined.height


def silver_movies(lake: Path) -> None:
    """Clean the movies; of rows with one id the last wins."""
    rows = pl.read_delta(lake / "bronze" / "movies").sort("_line")
    good = (
        rows.filter(pl.col("_rescued").is_null())
        .unique("movie_id", keep="last")
        .select(
            "movie_id",
            pl.col("title").str.strip_chars(),
            pl.col("genres").fill_null("(no genres listed)").alias("genres_string"),
            pl.col("genres").fill_null("(no genres listed)").str.split("|").alias("genres_list"),
            pl.col("title").str.extract(r"\(([0-9]{4})\)[ \t]*$").cast(pl.Int32).alias("release_year"),
        )
    )
    good.rename({"genres_list": "genres"}).write_delta(lake / "silver" / "movies", mode="overwrite")
    judged(rows.filter(pl.col("_rescued").is_not_null()), "title").write_delta(
        lake / "silver" / "quarantine_movies", mode="overwrite"
    )


def silver_tags(lake: Path) -> None:
    """Clean the tags; repeated ones are kept."""
    rows = pl.scan_delta(lake / "bronze" / "tags")
    good = rows.filter(pl.col("_rescued").is_null() & ~in_future()).with_columns(pl.col("tag").str.strip_chars())
    made = with_time(good.collect(), "tag_ts").select("user_id", "movie_id", "tag", "tag_ts", "year", "month")
    write_by_month(made, lake / "silver" / "tags")
    refused = rows.filter(pl.col("_rescued").is_not_null() | in_future()).collect()
    judged(refused, "tag").write_delta(lake / "silver" / "quarantine_tags", mode="overwrite")


def in_future() -> pl.Expr:
    """Whether a row is of more than a day from now."""
    latest = int((datetime.now(UTC) + timedelta(days=1)).timestamp())
    return (pl.col("timestamp") > latest).fill_null(False)


def with_time(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows with their moment, its year and its month."""
    moment = pl.from_epoch("timestamp", time_unit="s").dt.cast_time_unit("us").dt.replace_time_zone("UTC").alias(name)
    return rows.with_columns(moment).with_columns(
        pl.col(name).dt.year().alias("year"), pl.col(name).dt.month().cast(pl.Int32).alias("month")
    )


def write_by_month(rows: pl.DataFrame, table: Path) -> None:
    """Write a table in folders by year and month."""
    rows.write_delta(table, mode="overwrite", delta_write_options={"partition_by": ["year", "month"]})


def judged(refused: pl.DataFrame, value: str) -> pl.DataFrame:
    """The quarantine of rows that break a rule: which ones, by their text."""
    fields = pl.col("_rescued").str.split(",")
    names = [name for name in refused.columns if not name.startswith("_")]
    text = {name: fields.list.get(at, null_on_oob=True).str.strip_chars(" ") for at, name in enumerate(names)}
    rules: dict[str, pl.Expr] = {}
    for name in {"user_id", "movie_id"} & text.keys():
        rules[f"null_{name}"] = text[name] == ""
        rules[f"invalid_{name}"] = (text[name] != "") & ~(whole(text[name]) <= 2_147_483_647).fill_null(False)
    if value == "rating":
        stars = text["rating"].cast(pl.Float64, strict=False)
        rules["invalid_rating"] = stars.is_null()
        rules["rating_out_of_range"] = ~stars.is_between(0.5, 5)
        rules["rating_between_half_stars"] = stars.is_between(0.5, 5) & (stars * 2 % 1 != 0)
    else:
        rules[f"null_{value}"] = text[value] == ""
    if "timestamp" in text:
        rules["invalid_timestamp"] = ~(whole(text["timestamp"]) <= LAST_SECOND).fill_null(False)
        rules["future_date"] = in_future()
    broken = [
        pl.when(pl.col("_rescued").is_null() & pl.lit(name != "future_date")).then(False).otherwise(rule)
        for name, rule in rules.items()
    ]
    names_of = [pl.when(rule.fill_null(False)).then(pl.lit(name)) for name, rule in zip(rules, broken, strict=True)]
    return quarantine(refused, pl.concat_list(names_of).list.drop_nulls())


def whole(text: pl.Expr) -> pl.Expr:
    """A number of digits alone; null for other texts."""
    return pl.when(text.str.contains("^[0-9]{1,18}$")).then(text.cast(pl.Int64, strict=False))


def quarantine(rows: pl.DataFrame, reasons: pl.Expr) -> pl.DataFrame:
    """Where refused rows came from, their text and the reasons."""
    names = [name for name in rows.columns if not name.startswith("_") and not name.endswith("_won")]
    raw = pl.coalesce("_rescued", pl.concat_str(names, separator=",", ignore_nulls=True))
    return rows.select(
        pl.col("_source_file").alias("source"),
        pl.col("_line").alias("line"),
        raw.alias("raw"),
        reasons.alias("reasons"),
    )


def split(lake: Path, asked: Asked) -> dict[str, int]:
    """Of all pairs the newest are the future, of each user's others the newest the test, the rest training."""
    ratings = pl.scan_delta(lake / "silver" / "ratings").select(*PAIR, "rating", "rating_ts").collect()
    pair = pl.col("user_id").cast(pl.Int64) * 2**31 + pl.col("movie_id")
    if ratings.select(pair.n_unique()).item() == ratings.height:
        sided = sides(ratings, asked)
    else:
        pairs = sides(ratings.group_by(PAIR).agg(pl.max("rating_ts")), asked).drop("rating_ts")
        sided = ratings.join(pairs, on=PAIR)
    made = sided.lazy().select(
        *(*PAIR, "rating", "rating_ts"), pl.lit("history").alias("origin"), "side", pl.lit(asked.policy).alias("policy")
    )
    made.sink_delta(lake / "silver" / "split_ratings", mode="overwrite")
    counts = {}
    for side in ("train", "test", "future"):
        made.filter(pl.col("side") == side).drop("side", "policy").sink_delta(
            lake / "silver" / f"{side}_ratings", mode="overwrite"
        )
        counts[side] = sided["side"].eq(side).sum()
    return counts


def sides(pairs: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """The pairs with their side; of pairs at one second the one with the greater movie is the newer."""
    seconds = pl.col("rating_ts").to_physical() // 1_000_000
    newest = pairs.select(seconds).to_series().to_numpy()
    at = len(newest) - 1 - int(len(newest) * asked.future)
    is_future = seconds > int(np.partition(newest, at)[at])
    place = (seconds * 2**31 + pl.col("movie_id")).rank("ordinal", descending=True)
    known = [pl.col("user_id"), is_future]
    is_test = place.over(known) <= (pl.len().over(known) * asked.test).floor()
    side = pl.when(is_future).then(pl.lit("future")).when(is_test).then(pl.lit("test")).otherwise(pl.lit("train"))
    return pairs.with_columns(side.alias("side"))


if __name__ == "__main__":
    main()
