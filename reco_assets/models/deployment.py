"""From a decision to the version that serves: load it back, test it, back the champion up, move the aliases, promote.

`champion.json` moves last. Whatever fails or is killed before that leaves the champion as it was, and a repeated run
starts over; MLflow's aliases, which a kill may leave one step ahead or behind, are set anew by every run.
"""

import tempfile
from pathlib import Path
from typing import Any

from reco_assets.models.backup import backup_current_model
from reco_assets.models.smoke import smoke_test
from reco_assets.models.store import ModelStore, ModelStoreError, judged, load_model, model_store
from resources.mlflow import MlflowTracking
from resources.settings import Settings


def deploy(settings: Settings, registry: MlflowTracking, version: str) -> dict[str, Any]:
    """Promote a judged version if its comparison says so; returns the comparison.

    Raises `ModelStoreError`, `SmokeTestError`, `RegistryError`; the champion serves on then.
    """
    store = model_store(settings)
    comparison = judged(store, version)
    store.annotate(version, decision=comparison["reason"])
    champion = store.champion()
    if comparison["promote"] and champion != version:
        _require_compared_with(version, comparison["champion"], champion)
        _test_as_registered(store, registry, version)
        backup_current_model(settings)
        registry.mark_champion(version, champion)
        store.promote(version, comparison["reason"])
    elif champion is not None:
        registry.mark_champion(champion, store.previous())
    return comparison


def _require_compared_with(version: str, compared: str | None, champion: str | None) -> None:
    if compared != champion:
        raise ModelStoreError(
            f"{version} was compared with {compared or 'no champion'}, but {champion or 'none'} serves now. "
            "Judge it again: reco evaluate."
        )


def _test_as_registered(store: ModelStore, registry: MlflowTracking, version: str) -> None:
    """Smoke-test what MLflow holds of a version; where it is away, what the store holds."""
    store.verify(version)
    with tempfile.TemporaryDirectory() as folder:
        fetched = registry.fetch_version(version, Path(folder))
        name = f"{version} as MLflow holds it" if fetched else version
        smoke_test(load_model(fetched or store.path(version)), store.path(version), name)
