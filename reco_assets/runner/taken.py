"""What happens when a run takes a resource: its tags steer it, it says where it works, and starts what it asks."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import dagster as dg

from reco_assets.runner.first_line import first_line
from reco_assets.runner.recorded import recorded
from resources.airflow import steered
from resources.mlflow.mirror import MlflowTracking
from resources.tables.lakehouse import Lakehouse


def announced(lakehouse: Lakehouse) -> dg.ResourceDefinition:
    """The lakehouse as a resource that logs the first line of a run, and notes what the run's stages took."""

    def take(context: dg.InitResourceContext) -> Iterator[Lakehouse]:
        if context.log is not None:
            context.log.info(first_line(lakehouse.settings))
        settings = steered(lakehouse.settings, _tags(context))
        taken = lakehouse if settings is lakehouse.settings else replace(lakehouse, settings=settings)
        with recorded(context, taken):
            yield taken

    return dg.ResourceDefinition(take, description="The tables; its engine starts when an asset asks for it.")


def begun(mlflow: MlflowTracking) -> dg.ResourceDefinition:
    """MLflow as a resource whose client is imported while the run makes what comes before the model."""

    def take(context: dg.InitResourceContext) -> MlflowTracking:
        mlflow.begin()
        settings = steered(mlflow.settings, _tags(context))
        return mlflow if settings is mlflow.settings else MlflowTracking(settings, settings.mlflow.registry_name)

    return dg.ResourceDefinition(take, description="The mirror of what was tried and which version serves.")


def _tags(context: dg.InitResourceContext) -> Mapping[str, str]:
    return context.run.tags if context.run is not None else {}
