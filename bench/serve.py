"""How many requests `reco serve` answers in a second, and how long one takes, beside a bare FastAPI route.

`make bench-serve`: on a lakehouse of its own with ml-latest-small, in a temporary folder, or --lakehouse that is there.
Both servers have the same processes, and the client runs on the same cores. Rounds take turns, and the median counts.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
from load import Load, Took, put_load
from measuring import HERE, MOVIELENS

ROUNDS, CONNECTIONS, RATE = 3, 16, 1_000
SAMPLE = 1_000  # different requests
RATED = 20  # movies of someone who is folded in
RECO = str(Path(sys.executable).with_name("reco"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lakehouse", type=Path, help="where a champion serves already")
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lakehouse = given.lakehouse or Path(folder, "lake")
        variables = {"LAKEHOUSE_PATH": str(lakehouse), "RECO_CACHE_PATH": str(Path(folder, "cache"))}
        if given.lakehouse is None:
            make(variables | {"RECO_SOURCE_PATH": str(given.movielens), "DAGSTER_HOME": folder})
        measured = [RECO, "serve", "--port", "0", "--workers", str(given.workers)]
        plain = [sys.executable, str(HERE / "bare_route.py"), str(given.workers)]
        with running(measured, variables) as ours, running(plain, {}) as bare:
            for name, port, requests in (
                ("GET /recommendations/{user}", ours, asks(lakehouse, "gold/recommendations_als", "user_id")),
                ("a bare FastAPI route", bare, [get(f"/bare/{user}") for user in range(SAMPLE)]),
                ("GET /similar/{movie}", ours, asks(lakehouse, "gold/similar_movies", "movie_id")),
                (f"POST /recommendations, {RATED} ratings", ours, posts(lakehouse)),
            ):
                tell(name, port, requests, given.seconds)


def make(variables: Mapping[str, str]) -> None:
    """Make the tables and a champion."""
    for command in ("etl", "train"):
        subprocess.run([RECO, command], env=os.environ | variables, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def running(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[int]:
    """A server in processes of its own; gives its port."""
    server = subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.PIPE, text=True, cwd=HERE)
    try:
        assert server.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)", server.stdout.readline())
        assert found, "the server did not say where it listens"
        yield int(found[1])
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def tell(name: str, port: int, requests: Sequence[bytes], seconds: float) -> None:
    """Measure one kind of request, as many as are answered and `RATE` a second, and print both."""
    put_load("127.0.0.1", port, Load(requests, CONNECTIONS, 1.0))  # until every worker has its code and pages
    print(name)
    for how, rate in ((f"{CONNECTIONS} connections, no rate", None), (f"{RATE} a second", RATE)):
        took = [put_load("127.0.0.1", port, Load(requests, CONNECTIONS, seconds, rate)) for _ in range(ROUNDS)]
        print(f"  {how}: {in_words(took)}", flush=True)


def in_words(rounds: Sequence[Took]) -> str:
    """The medians of the rounds, and the range of answers a second."""
    median = {name: statistics.median(getattr(each, name) for each in rounds) for name in vars(rounds[0])}
    low, high = min(each.per_second for each in rounds), max(each.per_second for each in rounds)
    times = f"p50 {median['p50']:.2f} ms, p99 {median['p99']:.2f} ms, p99.9 {median['p999']:.2f} ms"
    return f"{median['per_second']:,.0f}/s ({low:,.0f} to {high:,.0f}), {times}"


def asks(lakehouse: Path, table: str, key: str) -> list[bytes]:
    """Requests for some rows of a gold table, in any order."""
    ids = parquet_column(lakehouse, table, key)
    route = "recommendations" if key == "user_id" else "similar"
    return [get(f"/{route}/{row}") for row in np.random.default_rng(1).choice(ids, SAMPLE)]


def posts(lakehouse: Path) -> list[bytes]:
    """Requests of people whom nobody knows."""
    movies, rng = parquet_column(lakehouse, "gold/similar_movies", "movie_id"), np.random.default_rng(2)
    return [post({movie: rng.integers(1, 11) / 2 for movie in rng.choice(movies, RATED)}) for _ in range(SAMPLE)]


def parquet_column(lakehouse: Path, table: str, key: str) -> np.ndarray:
    """All values of a column in whatever files the table has."""
    found: np.ndarray = np.unique(
        ds.dataset(lakehouse / table, format="parquet").to_table(columns=[key])[key].to_numpy()
    )
    return found


def get(path: str) -> bytes:
    """A request as it is sent."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(stars: Mapping[int, float]) -> bytes:
    """A request with ratings, as it is sent."""
    body = json.dumps({"ratings": [{"movie_id": int(movie), "stars": float(each)} for movie, each in stars.items()]})
    head = "POST /recommendations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


if __name__ == "__main__":
    main()
