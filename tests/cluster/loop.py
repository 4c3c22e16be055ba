"""A program for the tests of a cluster: the main job, a file that lands, and the pipeline of the drift loop, in one
process. What it found goes to the file that it is given, as JSON.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from reco_assets.build import build_definitions
from reco_assets.models.serving import serving_store
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.pipelines.selections import DRIFT, MERGE, PROMOTION, SERVING, STREAM
from reco_assets.runner.run import materialize_assets
from reco_assets.streaming.simulate import Simulation
from reco_assets.streaming.simulated_file import simulate
from resources.settings import load_settings
from resources.tables.lakehouse import Lakehouse


def surroundings(_: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Where a worker's Python runs."""
    names = ("HOME", "LAKEHOUSE_PATH", "RECO_SOURCE")
    found = {"folder": os.getcwd(), **{name: os.environ.get(name, "") for name in names}}
    yield pa.RecordBatch.from_pylist([found])


def main(out: Path, retrains: bool) -> None:
    settings = load_settings()
    lakehouse = Lakehouse.open(settings)
    session = lakehouse.engine.session
    columns = "folder string, HOME string, LAKEHOUSE_PATH string, RECO_SOURCE string"
    rows = session.range(2, numPartitions=2).mapInArrow(surroundings, columns).collect()  # type: ignore[arg-type]
    found: dict[str, Any] = {"workers": [row.asDict() for row in rows], "pages": lakehouse.engine.pages}
    main_job = materialize_assets(build_definitions, settings, RECO_PIPELINE.assets)
    found["shown"] = main_job.metadata["models/als_candidate"]["spark_pages"]
    found["first"] = serving_store(settings).champion()
    simulate(settings, Simulation("history", 100, None, -1.5, 7), "shifted.csv")
    found["loop"] = materialize_assets(build_definitions, settings, (*STREAM, *DRIFT)).scalars
    if retrains:
        steps = (*MERGE, "models/als_candidate", "models/als_evaluation", *PROMOTION, *SERVING)
        found["loop"] |= materialize_assets(build_definitions, settings, steps).scalars
    out.write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), retrains="retrain" in sys.argv)
