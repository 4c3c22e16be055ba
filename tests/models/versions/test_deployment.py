"""From a decision to the version that serves, and what is left where that fails or is killed on the way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from reco_assets.models.als.family import ALS
from reco_assets.models.record import Annotation, MetricsRecord
from reco_assets.models.versions import deployment
from reco_assets.models.versions.backup import read_backup
from reco_assets.models.versions.deployment import Candidate, deploy
from reco_assets.models.versions.files import ModelStoreError, load_model
from reco_assets.models.versions.smoke import SmokeTestError
from reco_assets.models.versions.store import ModelStore, model_store
from resources.mlflow.mirror import MlflowTracking, RegistryError
from resources.mlflow.shown import VersionRecord
from resources.settings import Settings, load_settings

FIRST, SECOND, THIRD = "20250101_000001", "20250101_000002", "20250101_000003"
Save = Callable[..., None]


class Killed(BaseException):
    """The process ends here."""


def kill(*_: Any, **__: Any) -> None:
    raise Killed


@pytest.fixture
def store(store_settings: Settings) -> ModelStore:
    return model_store(store_settings, ALS)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sqlite file with MLflow's tables, which take it over a second to create."""
    folder = tmp_path_factory.mktemp("migrated")
    settings = load_settings(lakehouse_path=folder)
    (folder / "model").mkdir()
    MlflowTracking(settings, "other").log_version(VersionRecord(FIRST, {}, {}, folder / "model"))
    return folder / "mlflow" / "mlflow.db"


@pytest.fixture
def registry(store_settings: Settings, migrated: Path) -> MlflowTracking:
    home = store_settings.storage.root / "mlflow"
    home.mkdir(parents=True)
    (home / "mlflow.db").write_bytes(migrated.read_bytes())
    return MlflowTracking(store_settings)


def register(registry: MlflowTracking, store: ModelStore, version: str) -> None:
    assert registry.log_version(VersionRecord(version, {}, {}, store.path(version)))


def aliases(registry: MlflowTracking) -> dict[str, str]:
    client = MlflowClient(tracking_uri=registry.uri, registry_uri=registry.uri)
    known = client.get_registered_model(registry.name).aliases
    return {alias: client.get_model_version(registry.name, number).tags["version"] for alias, number in known.items()}


@pytest.fixture
def candidate(store: ModelStore, registry: MlflowTracking, save_version: Save) -> str:
    """A champion, deployed as usual, and a registered candidate that is to follow it."""
    save_version(FIRST)
    register(registry, store, FIRST)
    deploy(store_settings := registry.settings, Candidate(ALS, FIRST, registry))
    assert model_store(store_settings, ALS).champion() == FIRST
    save_version(SECOND, FIRST)
    register(registry, store, SECOND)
    return SECOND


def test_a_promoted_candidate_serves_its_aliases_follow_and_the_one_before_is_backed_up(
    store: ModelStore, registry: MlflowTracking, candidate: str
) -> None:
    assert aliases(registry) == {"champion": FIRST, "challenger": candidate}
    assert deploy(registry.settings, Candidate(ALS, candidate, registry)).promote
    assert (store.champion(), store.previous()) == (candidate, FIRST)
    assert aliases(registry) == {"champion": candidate, "previous": FIRST}
    backup = read_backup(store)
    assert backup is not None
    assert backup.version == FIRST
    assert store.record(candidate).decision == "promoted: as good"


def test_a_rejected_candidate_stays_the_challenger(
    store: ModelStore, registry: MlflowTracking, candidate: str, save_version: Save
) -> None:
    save_version(THIRD, FIRST, promote=False)
    register(registry, store, THIRD)
    assert not deploy(registry.settings, Candidate(ALS, THIRD, registry)).promote
    assert store.champion() == FIRST
    assert aliases(registry) == {"champion": FIRST, "challenger": THIRD}
    assert store.record(THIRD).decision == "rejected: worse"


def test_a_candidate_whose_parts_are_replaced_is_tested_as_it_was_trained_and_serves_as_the_baselines(
    store: ModelStore, registry: MlflowTracking, candidate: str, tmp_path: Path
) -> None:
    store.annotate(candidate, Annotation(replaced=("lists", "stars")))
    register(registry, store, candidate)
    deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert store.champion() == candidate
    fetched = registry.fetch_version(candidate, tmp_path)
    assert fetched is not None
    users = store.load(candidate).user_ids
    for serves in (store.load(candidate), load_model(fetched, ALS)):
        popular = serves.popularity.recommend(users, 5).movie_id
        np.testing.assert_array_equal(serves.recommend(users, 5).movie_id, popular)


STEPS = {
    "before anything": (ModelStore, "comparison"),
    "before it is read back": (MlflowTracking, "fetch_version"),
    "in the smoke test": (deployment, "smoke_test"),
    "before the backup": (deployment, "back_up"),
    "before the alias": (MlflowTracking, "mark_champion"),
    "before the record": (ModelStore, "promote"),
    "in the record's last step": (Path, "replace"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_between_registering_and_promoting_leaves_the_champion_and_a_second_run_promotes(
    store: ModelStore, registry: MlflowTracking, candidate: str, step: str
) -> None:
    before = (store.folder / "champion.json").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*STEPS[step], kill)
        with pytest.raises(Killed):
            deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert (store.folder / "champion.json").read_bytes() == before
    store.load(FIRST)
    deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert store.champion() == candidate
    assert aliases(registry) == {"champion": candidate, "previous": FIRST}


def test_an_alias_that_a_crash_left_ahead_is_set_back_by_the_next_run_whatever_it_decides(
    store: ModelStore, registry: MlflowTracking, candidate: str, save_version: Save
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelStore, "promote", kill)
        with pytest.raises(Killed):
            deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert aliases(registry)["champion"] == candidate
    save_version(THIRD, FIRST, promote=False)
    register(registry, store, THIRD)
    deploy(registry.settings, Candidate(ALS, THIRD, registry))
    assert aliases(registry)["champion"] == store.champion() == FIRST


def test_aliases_that_a_crash_left_half_set_are_set_anew_by_the_next_run(
    store: ModelStore, registry: MlflowTracking, candidate: str
) -> None:
    client = MlflowClient(tracking_uri=registry.uri, registry_uri=registry.uri)
    newest = max(client.search_model_versions(f"name='{registry.name}'"), key=lambda each: int(each.version))
    client.set_registered_model_alias(registry.name, "champion", newest.version)
    assert aliases(registry) == {"champion": candidate, "challenger": candidate}
    assert store.champion() == FIRST
    deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert aliases(registry) == {"champion": candidate, "previous": FIRST}


def test_what_is_tested_is_what_the_registry_holds(store: ModelStore, registry: MlflowTracking, candidate: str) -> None:
    for copy in (registry.settings.storage.root / "mlflow" / "artifacts").rglob("user_factors.parquet"):
        copy.write_bytes(b"PAR1 damaged on the way")
    with pytest.raises(ModelStoreError, match=r"user_factors\.parquet missing or not as saved"):
        deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert store.champion() == FIRST


def test_a_registered_version_without_its_files_is_not_promoted(
    store: ModelStore, registry: MlflowTracking, candidate: str
) -> None:
    for copy in (registry.settings.storage.root / "mlflow" / "artifacts").rglob("*.*"):
        copy.unlink() if copy.is_file() else None
    with pytest.raises((RegistryError, ModelStoreError)):
        deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert store.champion() == FIRST


def test_a_candidate_that_answers_otherwise_than_it_did_when_trained_is_not_promoted(
    store: ModelStore, registry: MlflowTracking, candidate: str
) -> None:
    sample = store.path(candidate) / "sample.json"
    document = json.loads(sample.read_text())
    document["stars"][0] += 0.5
    sample.write_text(json.dumps(document))
    facts = store.record(candidate).document()
    del facts["files"]  # so that nothing but the smoke test can notice
    (store.path(candidate) / "model.json").write_text(json.dumps(facts))
    with pytest.raises(SmokeTestError, match=f"{candidate} as MLflow holds it failed"):
        deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert store.champion() == FIRST


@pytest.mark.parametrize("file", ["user_factors.parquet", "model.json", "sample.json"])
def test_a_candidate_without_one_of_its_files_is_not_promoted(
    store: ModelStore, registry: MlflowTracking, candidate: str, file: str
) -> None:
    (store.path(candidate) / file).unlink()
    with pytest.raises(ModelStoreError, match=candidate):
        deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert store.champion() == FIRST


def test_where_mlflow_is_away_the_stores_own_files_are_tested_and_promoted_with_a_warning(
    store: ModelStore, registry: MlflowTracking, candidate: str
) -> None:
    away = MlflowTracking(
        load_settings(
            lakehouse_path=registry.settings.storage.root,
            mlflow_tracking_uri="http://127.0.0.1:9",
            mlflow_timeout_seconds=1,
        )
    )
    with pytest.warns(UserWarning, match="was left out"):
        deploy(registry.settings, Candidate(ALS, candidate, away))
    assert store.champion() == candidate


def test_a_champion_that_changed_since_the_evaluation_is_not_replaced(
    store: ModelStore, registry: MlflowTracking, candidate: str, save_version: Save
) -> None:
    save_version(THIRD, FIRST)
    store.promote(THIRD, "by hand, meanwhile")
    with pytest.raises(ModelStoreError, match=rf"compared with {FIRST}, but {THIRD} serves now.*reco evaluate"):
        deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert store.champion() == THIRD


def test_a_candidate_is_judged_again_beside_a_champion_that_it_was_not_compared_with(
    store: ModelStore, registry: MlflowTracking, candidate: str, save_version: Save
) -> None:
    save_version(THIRD, FIRST)
    store.promote(THIRD, "by another run, meanwhile")
    metrics = store.record(candidate).document()["metrics"]

    def judge_again() -> None:
        compared = metrics["comparison"] | {"champion": THIRD, "reason": "promoted: better than that one too"}
        judged = MetricsRecord.model_validate(metrics | {"comparison": compared})
        store.annotate(candidate, Annotation(metrics=judged))

    assert deploy(registry.settings, Candidate(ALS, candidate, registry, judge_again)).champion == THIRD
    assert (store.champion(), store.previous()) == (candidate, THIRD)
    assert store.record(candidate).decision == "promoted: better than that one too"


def test_a_champion_whose_record_was_deleted_is_not_replaced_unseen(
    store: ModelStore, registry: MlflowTracking, candidate: str
) -> None:
    (store.folder / "champion.json").unlink()
    with pytest.raises(ModelStoreError, match=rf"champion\.json is gone, although {FIRST} was promoted"):
        deploy(registry.settings, Candidate(ALS, candidate, registry))
    store.promote(FIRST, "named again")
    deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert store.champion() == candidate


def test_a_run_repeated_after_the_promotion_changes_nothing(
    store: ModelStore, registry: MlflowTracking, candidate: str
) -> None:
    deploy(registry.settings, Candidate(ALS, candidate, registry))
    before = (store.folder / "champion.json").read_bytes()
    deploy(registry.settings, Candidate(ALS, candidate, registry))
    assert (store.folder / "champion.json").read_bytes() == before
    assert aliases(registry) == {"champion": candidate, "previous": FIRST}
