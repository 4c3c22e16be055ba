"""The MovieLens-shaped files that `make bench` measures on: `python bench/made_files.py --size 1m --folder FOLDER`.

Made by the synthetic source. Behind the first users of ratings.csv stand a few rows that break a rule, of every kind:
whoever reads it has to have the rules.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pac
from pyarrow import csv

from reco_assets.sources.source import RawTable
from reco_assets.sources.synthetic import source
from resources.settings.source import SyntheticSettings

SHAPES = {  # users, movies, ratings
    "100k": (600, 9_000, 100_000),
    "1m": (7_000, 10_000, 1_000_000),
    "5m": (34_500, 17_000, 5_000_000),
    "20m": (138_000, 27_000, 20_000_000),
}
BROKEN = """\
1,1,0.0,1200000000
1,2,5.5,1200000000
1,3,3.7,1200000000
1,4,,1200000000
1,5,four,1200000000
1,6,4.0,
1,7,4.0,yesterday
1,8,4.0,9200000000
-1,9,4.0,1200000000
,10,4.0,1200000000
1,2147483648,4.0,1200000000
1,,4.0,1200000000
2,1,3.0,1200000001
2,1,3.0,1200000001
2,2,3.0,1200000001
2,2,4.5,1200000001
"""
HEADERS = {"ratings": "userId,movieId,rating,timestamp", "movies": "movieId,title,genres"}
HEADERS["tags"] = "userId,movieId,tag,timestamp"
ALL = csv.WriteOptions(include_header=False, quoting_style="none")


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SHAPES, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where ratings.csv, movies.csv and tags.csv go")
    arguments = parser.parse_args()
    make(arguments.size, arguments.folder)


def make(size: str, folder: Path) -> Path:
    """The folder of a size, with its files; those that are there already stay."""
    users, movies, ratings = SHAPES[size]
    made = source(SyntheticSettings(users=users, movies=movies, ratings=ratings, seed=42))
    folder.mkdir(parents=True, exist_ok=True)
    for name, header in HEADERS.items():
        path = folder / f"{name}.csv"
        if not path.exists():
            _write(path, header, getattr(made, name), BROKEN if name == "ratings" else "")
    return folder


def _write(path: Path, header: str, table: RawTable, broken: str) -> None:
    """All at once: a file that an interrupted run leaves has another name."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(f"{header}\n".encode())
        for number, batch in enumerate(_batches(table, header.count(",") + 1)):
            csv.write_csv(batch, file, ALL)
            if number == 0:
                file.write(broken.encode())
    part.rename(path)


def _batches(table: RawTable, columns: int) -> Iterator[pa.RecordBatch]:
    for batch in table.batches():
        yield pa.RecordBatch.from_arrays(
            [_as_text(column) for column in batch.columns[:columns]], batch.schema.names[:columns]
        )


def _as_text(column: pa.Array) -> pa.Array:
    """Stars with their decimal, as MovieLens writes them."""
    if not pa.types.is_floating(column.type):
        return column
    stars = pa.array([f"{half / 2:.1f}" for half in range(11)])
    return stars.take(pac.cast(pac.multiply(column, 2), pa.int32()))


if __name__ == "__main__":
    sys.exit(main())
