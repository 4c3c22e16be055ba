"""The checks of silver/ratings in pandera or in cuallee, on Sail, in an environment of their own; one line of JSON.

What either cannot say is left out, and named: that makes their work less, not more.
"""

import argparse
import json
import logging
import os
import sys
import time
from typing import Any

STARS = [half / 2 for half in range(1, 11)]
REQUIRED = ["user_id", "movie_id", "rating", "rating_ts", "year", "month"]
KEY = ["user_id", "movie_id", "rating_ts"]


def main() -> None:
    """Validate the table at a path; the session's start is not timed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("ratings", help="folder of silver/ratings, a Delta table")
    arguments = parser.parse_args()
    logging.disable()
    frame = open_table(arguments.ratings)
    jobs = count_jobs()
    started = time.monotonic()
    passed, rules, cannot = TOOLS[arguments.tool](frame)
    seconds = time.monotonic() - started
    found = {"tool": arguments.tool, "seconds": seconds, "jobs": len(jobs), "passed": passed, "rules": rules}
    print(json.dumps(found | {"cannot": cannot}), flush=True)
    os._exit(0)  # a session that pandera used does not end: Sail waits for it for minutes


def open_table(path: str) -> Any:
    """The table in a session that either tool finds: cuallee asks for one by itself."""
    os.environ.setdefault("RUST_LOG", "error")
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{server.listening_address[1]}"
    session = SparkSession.builder.getOrCreate()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    frame = session.read.format("delta").load(path)
    frame.limit(1).collect()
    frame.server = server
    return frame


def count_jobs() -> list[None]:
    """A list that grows by one with every plan that the engine is made to run."""
    from pyspark.sql.connect.client import SparkConnectClient

    jobs: list[None] = []
    run = SparkConnectClient._execute_and_fetch_as_iterator

    def counted(*arguments: Any, **named: Any) -> Any:
        jobs.append(None)
        return run(*arguments, **named)

    SparkConnectClient._execute_and_fetch_as_iterator = counted
    return jobs


def with_pandera(frame: Any) -> tuple[bool, int, list[str]]:
    """Types, nulls, ranges and the key by a schema."""
    import pandera.pyspark as pandera
    from pyspark.sql import types

    ids, number = pandera.Check.ge(0), types.IntegerType()
    columns = {
        "user_id": pandera.Column(number, ids, nullable=False),
        "movie_id": pandera.Column(number, ids, nullable=False),
        "rating": pandera.Column(types.FloatType(), pandera.Check.isin(STARS), nullable=False),
        "rating_ts": pandera.Column(types.TimestampType(), nullable=False),
        "year": pandera.Column(number, pandera.Check.ge(1970), nullable=False),
        "month": pandera.Column(number, pandera.Check.isin(list(range(1, 13))), nullable=False),
    }
    validated = pandera.DataFrameSchema(columns, unique=KEY, strict=True).validate(frame)
    cannot = ["row counts", "references", "distributions", "outliers", "how many rows break a rule"]
    return not validated.pandera.errors, 6 + 6 + 5 + 1, cannot


def with_cuallee(frame: Any) -> tuple[bool, int, list[str]]:
    """Nulls, ranges and the key by a check."""
    from cuallee import Check, CheckLevel

    check = Check(CheckLevel.ERROR, "ratings")
    for name in REQUIRED:
        check.is_complete(name)
    for name in ("user_id", "movie_id"):
        check.is_greater_or_equal_than(name, 0)
    check.is_contained_in("rating", STARS)
    check.is_greater_or_equal_than("year", 1970)
    check.is_contained_in("month", list(range(1, 13)))
    check.are_unique(tuple(KEY))
    rows = check.validate(frame).collect()
    cannot = ["types", "references", "distributions against a reference", "outliers", "sample rows"]
    return all(row["status"] == "PASS" for row in rows), len(rows), cannot


TOOLS = {"pandera": with_pandera, "cuallee": with_cuallee}

if __name__ == "__main__":
    sys.exit(main())
