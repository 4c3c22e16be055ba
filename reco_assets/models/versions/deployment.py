"""From a decision to the version that serves: load it back, test it, back the champion up, move the aliases, promote.

`champion.json` moves last. Whatever fails or is killed before that leaves the champion as it was, and a repeated run
starts over; MLflow's aliases, which a kill may leave one step ahead or behind, are set anew by every run.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reco_assets.models.interface import Family
from reco_assets.models.record import Annotation, ComparisonRecord
from reco_assets.models.versions.backup import back_up
from reco_assets.models.versions.files import ModelStoreError, load_users
from reco_assets.models.versions.smoke import smoke_test
from reco_assets.models.versions.store import ModelStore, model_store, promoting
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings


@dataclass(frozen=True)
class Candidate:
    """A judged version, and the registry that holds it; `judge_again` compares it with the champion of today."""

    family: Family
    version: str
    registry: MlflowTracking
    judge_again: Callable[[], object] | None = None


def deploy(settings: Settings, candidate: Candidate) -> ComparisonRecord:
    """Promote a version if its comparison says so; returns the comparison.

    It is judged again where another version than it was compared with serves. Raises `ModelStoreError`, also where it
    can't be judged again, `SmokeTestError`, `RegistryError`; the champion serves on then.
    """
    with promoting(settings, candidate.family):
        return _deploy(settings, candidate)


def _deploy(settings: Settings, candidate: Candidate) -> ComparisonRecord:
    store, version, registry = model_store(settings, candidate.family), candidate.version, candidate.registry
    comparison, champion = store.comparison(version), store.champion()
    if candidate.judge_again and comparison.promote and champion not in (version, comparison.champion):
        candidate.judge_again()
        comparison = store.comparison(version)
    store.annotate(version, Annotation(decision=comparison.reason))
    if comparison.promote and champion != version:
        _require_compared_with(version, comparison.champion, champion)
        _test_as_registered(store, registry, version)
        back_up(settings, candidate.family)
        registry.mark_champion(version, champion, comparison.reason)
        store.promote(version, comparison.reason)
    elif champion is not None:
        registry.mark_champion(champion, store.previous(), store.record(champion).decision)
    return comparison


def _require_compared_with(version: str, compared: str | None, champion: str | None) -> None:
    if compared != champion:
        raise ModelStoreError(
            f"{version} was compared with {compared or 'no champion'}, but {champion or 'none'} serves now. "
            "Judge it again: reco evaluate."
        )


def _test_as_registered(store: ModelStore, registry: MlflowTracking, version: str) -> None:
    """Smoke-test what MLflow holds of a version, all that it learned; where MLflow is away, what the store holds."""
    store.verify(version)
    with tempfile.TemporaryDirectory() as folder:
        fetched = registry.fetch_version(version, Path(folder))
        name = f"{version} as MLflow holds it" if fetched else version
        load = partial(load_users, fetched or store.path(version), store.family, as_trained=True)
        smoke_test(load, store.path(version), name)
