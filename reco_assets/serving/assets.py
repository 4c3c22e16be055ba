"""What Dagster sees of serving: the check that the server says what gold and the registered model say."""

import dagster as dg

from reco_assets.models.families import SERVING_FAMILY
from reco_assets.serving.parity import Parity, parity_of_recommendations, parity_of_similar
from reco_assets.tables import HEAVY_POOL, RECOMMENDATIONS_ALS, SIMILAR_MOVIES
from resources.mlflow.mirror import MlflowTracking
from resources.tables.lakehouse import Lakehouse

NAME = "serving_parity"


@dg.asset_check(name=NAME, asset=RECOMMENDATIONS_ALS.name.split("/"), pool=HEAVY_POOL)
def recommendations_parity(
    lakehouse: dg.ResourceParam[Lakehouse], mlflow: dg.ResourceParam[MlflowTracking]
) -> dg.AssetCheckResult:
    """`reco serve` and the champion that is registered in MLflow give users the lists of gold."""
    registry = mlflow.named(SERVING_FAMILY.registered_name(mlflow.settings))
    return _result(parity_of_recommendations(lakehouse, registry))


@dg.asset_check(name=NAME, asset=SIMILAR_MOVIES.name.split("/"), pool=HEAVY_POOL)
def similar_parity(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.AssetCheckResult:
    """`reco serve` finds the movies alike that gold finds alike."""
    return _result(parity_of_similar(lakehouse))


def _result(parity: Parity) -> dg.AssetCheckResult:
    figures = {
        f"{what} ({who})": value
        for who, each in (parity.likeness or {}).items()
        for what, value in (("same entries", each.same_entries), ("greatest difference of scores", each.difference))
    }
    return dg.AssetCheckResult(
        passed=parity.passed, description=parity.text, metadata={"lists": parity.lists, **figures}
    )


PARITY_CHECKS = [recommendations_parity, similar_parity]
