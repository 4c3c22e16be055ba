"""Who retrains on a drift report: whoever claims it first, Dagster's sensor or one of Airflow's DAGs, and nobody else.

The same batches, champion and settings give the same report, so both may hold the same one at the same time.
"""

import os
import uuid
from contextlib import suppress
from pathlib import Path

from resources.identifiers import identifier
from resources.settings import Settings

SENSOR = "Dagster's retrain sensor"
# Airflow's DAGs that retrain on the reports they make, or trigger the one that does.
RETRAINING_DAGS = ("drift_detection_retrain_pipeline", "ml_pipeline_dag")


def claim(settings: Settings, report_id: str, claimant: str) -> str:
    """Claim a report, for ever, unless someone else has; returns who holds it now. Whoever does may claim it again."""
    path = _path(settings, report_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        own.write_text(claimant, encoding="utf-8")
        with suppress(FileExistsError):
            os.link(own, path)  # the one step that creates the file with its text, or fails where it is
    finally:
        own.unlink(missing_ok=True)
    return path.read_text(encoding="utf-8")


def airflow_claimant(dag_id: str) -> str:
    """A DAG of Airflow as a claimant: another run of it, which tries again, is the same one."""
    return f"Airflow's DAG {dag_id}"


def _path(settings: Settings, report_id: str) -> Path:
    return settings.root / "drift" / "claims" / identifier(report_id, "Drift report")
