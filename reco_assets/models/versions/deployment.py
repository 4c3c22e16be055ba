"""From a decision to the version that serves: load it back, test it, back the champion up, move the aliases, promote.

`champion.json` moves last. Whatever fails or is killed before that leaves the champion as it was, and a repeated run
starts over; MLflow's aliases, which a kill may leave one step ahead or behind, are set anew by every run.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reco_assets.models.versions.backup import backup_current_model
from reco_assets.models.versions.smoke import smoke_test
from reco_assets.models.versions.store import ModelStore, ModelStoreError, judged, load_model, model_store, promoting
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings


def deploy(
    settings: Settings, registry: MlflowTracking, version: str, judge_again: Callable[[], object] | None = None
) -> dict[str, Any]:
    """Promote a judged version if its comparison says so; returns the comparison.

    `judge_again` compares it with the champion of today, where that is another than it was compared with. Raises
    `ModelStoreError`, also where there is no `judge_again`, `SmokeTestError`, `RegistryError`; the champion serves on
    then.
    """
    with promoting(settings):
        return _deploy(settings, registry, version, judge_again)


def _deploy(
    settings: Settings, registry: MlflowTracking, version: str, judge_again: Callable[[], object] | None
) -> dict[str, Any]:
    store = model_store(settings)
    comparison, champion = judged(store, version), store.champion()
    if judge_again and comparison["promote"] and champion not in (version, comparison["champion"]):
        judge_again()
        comparison = judged(store, version)
    store.annotate(version, decision=comparison["reason"])
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
