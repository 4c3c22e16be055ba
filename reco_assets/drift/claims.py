"""Who retrains on a drift report: whoever claims it first, Dagster's sensor or one of Airflow's DAGs, and nobody else.

The same batches, champion and settings give the same report, so both may hold the same one at the same time.
"""

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reco_assets.tables import DRIFT_CLAIMS
from resources.files import hidden_beside, set_aside
from resources.paths.identifiers import identifier
from resources.settings import Settings

SENSOR = "Dagster's retrain sensor"


def claim(settings: Settings, report_id: str, claimant: str) -> str:
    """Claim a report, for ever, unless someone else has; returns who holds it now. Whoever does may claim it again.

    A damaged claim is nobody's: it is kept beside the new one.
    """
    path = _path(settings, report_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    _link(path, claimant)
    if (holder := _holder(path)) is not None:
        return holder
    with _alone(path.parent):
        if _holder(path) is None:
            kept = set_aside(path)
            warnings.warn(f"{path} is a damaged claim. It is kept as {kept.name}.", stacklevel=2)
            _link(path, claimant)
    return _holder(path) or ""


def _link(path: Path, claimant: str) -> None:
    own = hidden_beside(path)
    try:
        own.write_text(claimant, encoding="utf-8")
        with suppress(FileExistsError):
            os.link(own, path)  # the one step that creates the file with its text, or fails where it is
    finally:
        own.unlink(missing_ok=True)


def _holder(path: Path) -> str | None:
    """Who holds a claim; None where the file doesn't say."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text if text and text.isprintable() else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time looks at a damaged claim, so that none sets aside what another put in its place."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def airflow_claimant(dag_id: str) -> str:
    """A DAG of Airflow as a claimant: another run of it, which tries again, is the same one."""
    return f"Airflow's DAG {dag_id}"


def _path(settings: Settings, report_id: str) -> Path:
    return settings.storage.root / DRIFT_CLAIMS / identifier(report_id, "Drift report")
