"""What MLflow shows of a run: numbers, words, tags, and the versions of the tables that it is of."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOTE = "mlflow.note.content"  # the tag that its pages show as description


@dataclass(frozen=True)
class Said:
    """What a run says beside its numbers: in words, as tags, and of which versions of tables it is.

    `inputs`: the Delta version of each table by its name, without where it lies: a lakehouse may be moved or copied.
    """

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, int | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class VersionRecord:
    """One model version as MLflow shows it: flat parameters and metrics, and the files to keep.

    `run_id` is the run to go on in, such as that of its training; without it, or where it is gone, one is made.
    """

    version: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    model_folder: Path
    documents: tuple[Path, ...] = ()
    run_id: str | None = None
    said: Said = Said()


@dataclass(frozen=True)
class RunRecord:
    """A finished run as MLflow shows it, nested in a parent run where one is given."""

    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    parent: str | None = None
    run_id: str | None = None
    said: Said = Said()


def shown_in(record: RunRecord, params: Mapping[str, Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Metrics, parameters and tags of a run, as MLflow's entities."""
    from mlflow.entities import Metric, Param, RunTag

    now, note = int(time.time() * 1000), {NOTE: record.said.description} if record.said.description else {}
    metrics = [Metric(key, value, now, 0) for key, value in record.metrics.items()]
    tags = [RunTag(key, value) for key, value in {**record.said.tags, **note}.items()]
    return metrics, [Param(key, str(value)) for key, value in params.items()], tags


def datasets_of(said: Said) -> list[Any]:
    """The versions of tables as MLflow's entities, by a digest of table and version."""
    from mlflow.entities import Dataset, DatasetInput

    found = []
    for table, version in said.inputs.items():
        source = json.dumps({"table": table, "delta_table_version": version})
        digest = hashlib.sha256(source.encode()).hexdigest()[:8]
        found.append(DatasetInput(Dataset(table, digest, "delta_table", source)))
    return found
