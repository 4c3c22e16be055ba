"""What happens when a run takes a resource: it says where it works, and what it will ask is started."""

import dagster as dg

from reco_assets.runner.first_line import first_line
from resources.mlflow.mirror import MlflowTracking
from resources.tables.lakehouse import Lakehouse


def announced(lakehouse: Lakehouse) -> dg.ResourceDefinition:
    """The lakehouse as a resource that logs the first line of a run when the run takes it."""

    def take(context: dg.InitResourceContext) -> Lakehouse:
        if context.log is not None:
            context.log.info(first_line(lakehouse.settings))
        return lakehouse

    return dg.ResourceDefinition(take, description="The tables; its engine starts when an asset asks for it.")


def begun(mlflow: MlflowTracking) -> dg.ResourceDefinition:
    """MLflow as a resource whose client is imported while the run makes what comes before the model."""

    def take(_: dg.InitResourceContext) -> MlflowTracking:
        mlflow.begin()
        return mlflow

    return dg.ResourceDefinition(take, description="The mirror of what was tried and which version serves.")
