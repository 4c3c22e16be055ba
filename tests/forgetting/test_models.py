"""What a version knows of a user goes from its folder, and its record follows."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from reco_assets.forgetting.folders import scrub_model
from reco_assets.forgetting.people import People
from reco_assets.models.versions.checksums import changed_files, checksums


def test_a_version_of_spark_keeps_neither_its_parts_of_the_user_nor_mllibs(tmp_path: Path) -> None:
    parts = {"user_factors.parquet": "user_id", "mllib/rating/userFactors": "id"}
    for folder, column in parts.items():
        (tmp_path / folder).mkdir(parents=True)
        rows = {column: pa.array([4, 17], pa.int32()), "features": [[0.5, 1.0], [0.1, 0.2]]}
        pq.write_table(pa.table(rows), tmp_path / folder / "part-0.parquet")
        (tmp_path / folder / ".part-0.parquet.crc").write_text("a sum")
    (tmp_path / "model.json").write_text(json.dumps({"version": "v", "files": checksums(tmp_path)}))

    assert scrub_model(tmp_path, People(frozenset({17})), True) == 2

    for folder, column in parts.items():
        left = pq.read_table(tmp_path / folder / "part-0.parquet").to_pylist()
        assert left == [{column: 4, "features": [0.5, 1.0]}]
        assert not (tmp_path / folder / ".part-0.parquet.crc").exists()
    record = json.loads((tmp_path / "model.json").read_text())
    assert changed_files(tmp_path, record["files"]) == []
    assert record["forgotten"] == 1
