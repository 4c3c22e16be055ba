"""The platform's tables as Airflow knows them: what a task makes, and what another DAG can be started by."""

from pathlib import Path

from airflow.providers.common.compat.sdk import Asset

from common.config import DATA_LAKE_PATH, LAKEHOUSE_PATH

EVENTS = "events/"  # the layer whose tables lie in the data lake


def table(name: str) -> Asset:
    """A table by its key with slashes, at its address: an Asset, which Airflow 2 calls a Dataset."""
    place = Path(DATA_LAKE_PATH, name.removeprefix(EVENTS)) if name.startswith(EVENTS) else Path(LAKEHOUSE_PATH, name)
    return Asset(uri=place.expanduser().absolute().as_uri())
