"""Evidently's drift of ratings, users and movies: what came by stream against all training ratings."""

import argparse
from pathlib import Path

import polars as pl
from clock import stage
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

COLUMNS = ["user_id", "movie_id", "rating"]


def main() -> None:
    """Read both and compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lake", type=Path)
    lake: Path = parser.parse_args().lake
    definition = DataDefinition(numerical_columns=COLUMNS)
    with stage("drift") as found:
        frames = [
            pl.read_delta(str(lake / name), columns=COLUMNS).to_pandas()
            for name in ("stream/ratings", "silver/train_ratings")
        ]
        new, reference = (Dataset.from_pandas(frame, data_definition=definition) for frame in frames)
        report = Report([DataDriftPreset()]).run(new, reference)
        found["metrics"] = len(report.dict()["metrics"])


if __name__ == "__main__":
    main()
