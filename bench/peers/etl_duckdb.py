"""Bronze, silver and split as DuckDB makes them: the same tables from the same files by the same rules.

DuckDB writes the Parquet files, which is twice as fast as handing the rows to delta-rs, and delta-rs makes Delta tables
of them. No checks, no report, no locks, nothing remembered.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from asked import Asked, from_command_line
from clock import stage
from deltalake import Field, Schema, convert_to_deltalake

FILES = {
    "ratings": {"user_id": "INTEGER", "movie_id": "INTEGER", "rating": "FLOAT", "timestamp": "BIGINT"},
    "movies": {"movie_id": "INTEGER", "title": "VARCHAR", "genres": "VARCHAR"},
    "tags": {"user_id": "INTEGER", "movie_id": "INTEGER", "tag": "VARCHAR", "timestamp": "BIGINT"},
}
ALLOWED = {
    "user_id": "user_id >= 0",
    "movie_id": "movie_id >= 0",
    "rating": "rating BETWEEN 0.5 AND 5 AND rating * 2 % 1 = 0",
    "timestamp": '"timestamp" BETWEEN 0 AND 253402300799',
    "title": "title <> ''",
    "tag": "tag <> ''",
}
MONTHS = Schema([Field("year", "integer"), Field("month", "integer")])


def main() -> None:
    """Make all tables of a folder's files below another folder."""
    asked, (source, lake) = from_command_line(__doc__.splitlines()[0], "source", "lake")
    con = duckdb.connect()
    con.execute(f"SET threads = {asked.cores}; SET TimeZone = 'UTC'")
    with stage("bronze") as found:
        for name, columns in FILES.items():
            found[name] = bronze(con, source / f"{name}.csv", columns, lake / "bronze" / name)
    con.execute("SET preserve_insertion_order = false")  # the numbers of lines needed it
    with stage("silver") as found:
        found["ratings"], found["quarantined"] = silver_ratings(con, lake)
        silver_movies(con, lake)
        silver_tags(con, lake)
    with stage("split") as found:
        found.update(split(con, lake, asked))


def bronze(con: duckdb.DuckDBPyConnection, file: Path, columns: dict[str, str], table: Path) -> int:
    """Write a file's rows, typed, with where they came from; returns how many."""
    texts = [f"{name}_text" for name in columns]
    kinds = zip(columns.items(), texts, strict=True)
    typed = ", ".join(f'TRY_CAST({text} AS {kind}) AS "{name}"' for (name, kind), text in kinds)
    raw = ", ".join(f"coalesce({text}, '')" for text in texts)
    plain = " AND ".join(ALLOWED[name] for name in columns if name in ALLOWED)
    lines = f"read_csv('{file}', all_varchar = true, header = true, names = {texts})"
    numbered = f"SELECT *, row_number() OVER () + 1 AS _line FROM {lines}"
    return write(
        con,
        f"""SELECT * EXCLUDE ({", ".join(texts)}),
            CASE WHEN NOT coalesce({plain}, false) THEN concat_ws(',', {raw}) END AS _rescued
        FROM (SELECT *, {typed}, '{file.name}' AS _source_file, now() AS _loaded_ts FROM ({numbered}))""",
        table,
    )


def silver_ratings(con: duckdb.DuckDBPyConnection, lake: Path) -> tuple[int, int]:
    """Clean the ratings; returns how many are good and how many are quarantined."""
    rows = files(lake / "bronze" / "ratings")
    con.execute(f"CREATE TEMP VIEW taken AS FROM {rows} WHERE _rescued IS NULL AND {PAST}")
    con.execute(
        """CREATE TEMP TABLE keys AS
        SELECT user_id, movie_id, "timestamp", min(rating) AS rating, max(rating) AS highest FROM taken GROUP BY ALL"""
    )
    con.execute(
        """CREATE TEMP TABLE rivals AS SELECT *, last_value(rating) OVER (
            PARTITION BY user_id, movie_id, "timestamp" ORDER BY _source_file, _line
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS won
        FROM taken SEMI JOIN (FROM keys WHERE rating <> highest) USING (user_id, movie_id, "timestamp")"""
    )
    good = f"""SELECT user_id, movie_id, rating, {moment("rating_ts")} FROM (
        SELECT user_id, movie_id, "timestamp", rating FROM keys WHERE rating = highest
        UNION ALL SELECT DISTINCT user_id, movie_id, "timestamp", won FROM rivals)"""
    written = write(con, good, lake / "silver" / "ratings", by_month=True)
    lost = """SELECT _source_file AS source, _line AS line,
        concat_ws(',', user_id, movie_id, rating, "timestamp") AS raw,
        ['conflicting_duplicate'] AS reasons FROM rivals WHERE rating <> won"""
    refused = f"{judged(rows, 'ratings')} UNION ALL {lost}"
    return written, write(con, refused, lake / "silver" / "quarantine_ratings")


def silver_movies(con: duckdb.DuckDBPyConnection, lake: Path) -> None:
    """Clean the movies; of rows with one id the last wins."""
    rows = files(lake / "bronze" / "movies")
    genres = "coalesce(genres, '(no genres listed)')"
    good = f"""SELECT movie_id, trim(title) AS title, {genres} AS genres_string, string_split({genres}, '|') AS genres,
            TRY_CAST(regexp_extract(title, '\\(([0-9]{{4}})\\)[ \\t]*$', 1) AS INTEGER) AS release_year
        FROM {rows} WHERE _rescued IS NULL QUALIFY row_number() OVER (PARTITION BY movie_id ORDER BY _line DESC) = 1"""
    write(con, good, lake / "silver" / "movies")
    write(con, judged(rows, "movies"), lake / "silver" / "quarantine_movies")


def silver_tags(con: duckdb.DuckDBPyConnection, lake: Path) -> None:
    """Clean the tags; repeated ones are kept."""
    rows = files(lake / "bronze" / "tags")
    good = (
        f"SELECT user_id, movie_id, trim(tag) AS tag, {moment('tag_ts')} FROM {rows} WHERE _rescued IS NULL AND {PAST}"
    )
    write(con, good, lake / "silver" / "tags", by_month=True)
    write(con, judged(rows, "tags"), lake / "silver" / "quarantine_tags")


PAST = f'"timestamp" <= {int((datetime.now(UTC) + timedelta(days=1)).timestamp())}'


def moment(name: str) -> str:
    """The columns of a moment, its year and its month."""
    at = 'to_timestamp("timestamp")'
    return f"{at} AS {name}, year({at})::INTEGER AS year, month({at})::INTEGER AS month"


def judged(rows: str, table: str) -> str:
    """The quarantine of rows that break a rule: which ones, by their text."""
    columns = list(FILES[table])
    text = {name: f"trim(string_split(_rescued, ',')[{at + 1}])" for at, name in enumerate(columns)}
    rules: dict[str, str] = {}
    for name in columns:
        if name in ("user_id", "movie_id"):
            rules[f"null_{name}"] = f"{text[name]} = ''"
            rules[f"invalid_{name}"] = f"{text[name]} <> '' AND NOT coalesce({whole(text[name])} <= 2147483647, false)"
        if name in ("title", "tag"):
            rules[f"null_{name}"] = f"{text[name]} = ''"
    if "rating" in columns:
        stars = f"TRY_CAST({text['rating']} AS DOUBLE)"
        rules["invalid_rating"] = f"_rescued IS NOT NULL AND {stars} IS NULL"
        rules["rating_out_of_range"] = f"{stars} NOT BETWEEN 0.5 AND 5"
        rules["rating_between_half_stars"] = f"{stars} BETWEEN 0.5 AND 5 AND {stars} * 2 % 1 <> 0"
    late = "false"
    if "timestamp" in columns:
        late = f"NOT {PAST}"
        seconds = whole(text["timestamp"])
        rules["invalid_timestamp"] = f"_rescued IS NOT NULL AND NOT coalesce({seconds} <= 253402300799, false)"
        rules["future_date"] = late
    reasons = ", ".join(f"CASE WHEN {rule} THEN '{name}' END" for name, rule in rules.items())
    plain = ", ".join(f'"{name}"' for name in columns)
    return f"""SELECT _source_file AS source, _line AS line, coalesce(_rescued, concat_ws(',', {plain})) AS raw,
        list_filter([{reasons}], lambda reason: reason IS NOT NULL) AS reasons
        FROM {rows} WHERE _rescued IS NOT NULL OR {late}"""


def whole(text: str) -> str:
    """A number of digits alone; null for other texts."""
    return f"CASE WHEN regexp_matches({text}, '^[0-9]{{1,18}}$') THEN TRY_CAST({text} AS BIGINT) END"


def split(con: duckdb.DuckDBPyConnection, lake: Path, asked: Asked) -> dict[str, int]:
    """Of all pairs the newest are the future, of each user's others the newest the test, the rest training."""
    con.execute(
        f"""CREATE TEMP VIEW silver AS
        SELECT user_id, movie_id, rating, rating_ts FROM {files(lake / "silver" / "ratings")}"""
    )
    con.execute(
        "CREATE TEMP TABLE pairs AS SELECT user_id, movie_id, max(rating_ts) AS last_ts FROM silver GROUP BY ALL"
    )
    rows, pairs = (con.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("silver", "pairs"))
    seconds = "epoch(last_ts)::BIGINT"
    (cut,) = con.execute(
        f"""SELECT min(second) FROM (
        SELECT {seconds} AS second FROM pairs ORDER BY second DESC LIMIT {int(pairs * asked.future) + 1})"""
    ).fetchone()
    rated_once = pairs == rows
    dated = "(SELECT *, rating_ts AS last_ts FROM silver)" if rated_once else "pairs"
    con.execute(
        f"""CREATE TEMP TABLE sided AS SELECT * EXCLUDE (last_ts), CASE WHEN {seconds} > {cut} THEN 'future'
            WHEN row_number() OVER (known ORDER BY last_ts DESC, movie_id DESC)
                <= floor(count(*) OVER known * {asked.test})
            THEN 'test' ELSE 'train' END AS side
        FROM {dated} WINDOW known AS (PARTITION BY user_id, {seconds} > {cut})"""
    )
    joined = "sided" if rated_once else "silver JOIN sided USING (user_id, movie_id)"
    made = f"""SELECT user_id, movie_id, rating, rating_ts, 'history' AS origin, side, '{asked.policy}' AS policy
        FROM {joined}"""
    write(con, made, lake / "silver" / "split_ratings")
    return {
        side: write(
            con,
            f"SELECT * EXCLUDE (side, policy) FROM ({made}) WHERE side = '{side}'",
            lake / "silver" / f"{side}_ratings",
        )
        for side in ("train", "test", "future")
    }


def files(table: Path) -> str:
    """The Parquet files of a table that this run wrote."""
    return f"read_parquet('{table}/**/*.parquet', hive_partitioning = true, hive_types_autocast = true)"


def write(con: duckdb.DuckDBPyConnection, query: str, table: Path, by_month: bool = False) -> int:
    """Write a Delta table; returns its rows."""
    table.mkdir(parents=True)
    partitions = "PARTITION_BY (year, month), " if by_month else ""
    target = table if by_month else table / "part-0.parquet"
    counted = con.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, {partitions}COMPRESSION snappy)").fetchone()
    convert_to_deltalake(
        str(table), partition_by=MONTHS if by_month else None, partition_strategy="hive" if by_month else None
    )
    return int(counted[0])


if __name__ == "__main__":
    main()
