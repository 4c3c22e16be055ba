"""Connections and storage: everything that touches the world outside the process."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resources.io_managers import Preview
    from resources.settings import Settings
    from resources.tables.files import TableSpec


def resources_for(
    settings: "Settings", tables: "Mapping[str, TableSpec]", previews: "Mapping[str, Preview] | None" = None
) -> dict[str, Any]:
    """The resources of a code location; nothing is started or connected before an asset asks for it."""
    # Here, not above: whoever imports one module of this package would load Dagster and the engine's types too (1.5 s).
    from resources.io_managers import LakehouseIOManager, VersionIOManager
    from resources.mlflow.mirror import MlflowTracking
    from resources.mlflow.tracking import mlflow_tracking
    from resources.tables.lakehouse import Lakehouse

    lakehouse, mlflow = Lakehouse.open(settings), MlflowTracking(settings, settings.mlflow.registry_name)
    return {
        "lakehouse": lakehouse,
        "io_manager": LakehouseIOManager(lakehouse, tables, previews),
        "version_io": VersionIOManager(lakehouse),
        "mlflow": mlflow,
        "mlflow_tracking": mlflow_tracking(mlflow),
    }
