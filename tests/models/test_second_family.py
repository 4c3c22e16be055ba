"""A second family through the public doors alone: trained, tuned, judged, deployed, backed up, reproduced, served."""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from reco_assets.gold.recommendations import Order, recommendation_rows, similar_rows
from reco_assets.maintenance import models as maintenance
from reco_assets.models.assets import model_assets
from reco_assets.models.inputs import read_ratings
from reco_assets.models.interface import Family
from reco_assets.models.reproduction import recipe_of, reproduce_version
from reco_assets.models.serving import champion_version
from reco_assets.models.versions.backup import read_backup, roll_back, roll_back_to_backup
from reco_assets.models.versions.store import ModelStore, model_store
from reco_assets.tables import SPLIT_RATINGS, TEST_RATINGS, TRAIN_RATINGS
from resources.engine import Engine
from resources.io_managers import VersionIOManager
from resources.mlflow.mirror import MlflowTracking
from resources.settings import load_settings
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

NOW = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Trained:
    """A lakehouse in which the family was trained twice, the second time by tuning."""

    lakehouse: Lakehouse
    store: ModelStore
    versions: list[str]


def write_ratings(lakehouse: Lakehouse) -> None:
    rng = np.random.default_rng(0)
    user, movie = np.nonzero(rng.random((40, 30)) < 0.5)
    stars = np.clip(np.round(2 * (1 + movie / 10 + rng.normal(scale=0.5, size=len(user)))) / 2, 0.5, 5.0)
    test = rng.random(len(user)) < 0.2
    columns = {
        "user_id": pa.array(user, pa.int32()),
        "movie_id": pa.array(movie, pa.int32()),
        "rating": pa.array(stars, pa.float32()),
        "rating_ts": pa.array([NOW] * len(user), pa.timestamp("us", tz="UTC")),
        "origin": pa.array(["history"] * len(user)),
        "side": pa.array(np.where(test, "test", "train")),
        "policy": pa.array(["random"] * len(user)),
    }

    def write(spec: TableSpec, keep: np.ndarray) -> None:
        lakehouse.write(spec, pa.table(columns).select(spec.schema.names).filter(pa.array(keep)))

    write(TRAIN_RATINGS, ~test)
    write(TEST_RATINGS, test)
    write(SPLIT_RATINGS, np.ones(len(user), bool))


def train(lakehouse: Lakehouse, family: Family, tune: int) -> str:
    candidate, *others = model_assets(family)
    result = dg.materialize(
        [candidate, *others],
        resources={
            "lakehouse": lakehouse,
            "mlflow": MlflowTracking(lakehouse.settings),
            "version_io": VersionIOManager(lakehouse),
            "io_manager": dg.InMemoryIOManager(),
        },
        run_config={"ops": {f"models__{family.name}_candidate": {"config": {"tune": tune}}}},
    )
    assert result.success
    version = result.output_for_node(f"models__{family.name}_candidate")
    assert isinstance(version, str)
    return version


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, engine: Engine, toy: Family) -> Trained:
    lakehouse = Lakehouse(load_settings(lakehouse_path=tmp_path_factory.mktemp("second") / "lake"), engine)
    write_ratings(lakehouse)
    versions = [train(lakehouse, toy, tune) for tune in (0, 3)]
    return Trained(lakehouse, model_store(lakehouse.settings, toy), versions)


def test_its_assets_have_its_name_and_those_of_the_first_one_as_their_shape(toy: Family) -> None:
    assert [asset.key.path for asset in model_assets(toy)] == [
        ["models", "toy_candidate"],
        ["models", "toy_evaluation"],
        ["models", "toy_champion"],
    ]


def test_its_versions_lie_in_a_folder_of_their_own_and_the_last_one_serves(trained: Trained) -> None:
    assert trained.store.versions() == trained.versions
    assert (trained.store.champion(), trained.store.previous()) == (trained.versions[1], trained.versions[0])
    assert [path.name for path in (trained.lakehouse.root / "gold" / "models").iterdir()] == ["toy"]


def test_tuning_finds_its_settings_and_its_record_says_how(trained: Trained, toy: Family) -> None:
    plain, tuned = (trained.store.record(version) for version in trained.versions)
    assert plain.config == toy.configure(trained.lakehouse.settings)
    assert plain.tuning is None
    assert tuned.tuning is not None
    assert tuned.tuning["means"]["trials"] == 3
    assert tuned.config.means.weight == tuned.tuning["means"]["params"]["weight"]


def test_it_is_judged_beside_both_baselines_and_its_champion(trained: Trained) -> None:
    first, second = (trained.store.record(version).metrics for version in trained.versions)
    assert first is not None
    assert second is not None
    assert first.baselines.popularity.ndcg is not None
    assert first.baselines.bias_only.rmse is not None
    assert second.comparison is not None
    assert second.comparison.champion == trained.versions[0]
    file = trained.lakehouse.root / "gold" / "metrics" / f"run_metrics_toy_{trained.versions[1]}.json"
    assert (
        json.loads(file.read_text())["hyperparameters"]["weight"]
        == trained.store.record(trained.versions[1]).config.means.weight
    )


def test_mlflow_knows_it_by_its_registered_name(trained: Trained, toy: Family) -> None:
    from mlflow import MlflowClient

    uri = MlflowTracking(trained.lakehouse.settings).uri
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    assert [model.name for model in client.search_registered_models()] == [toy.registered_name(load_settings())]
    champion = client.get_model_version_by_alias("reco_toy", "champion")
    assert champion.tags["version"] == trained.versions[1]


def test_the_one_before_was_backed_up_and_can_be_rolled_back_to_with_its_files(
    trained: Trained, toy: Family, tmp_path: Path
) -> None:
    shutil.copytree(trained.lakehouse.root, tmp_path / "lake")
    settings = load_settings(lakehouse_path=tmp_path / "lake")
    store = model_store(settings, toy)
    backup = read_backup(store)
    assert backup is not None
    assert backup.version == trained.versions[0]
    (store.path(trained.versions[0]) / "toy_movies.parquet").unlink()
    assert roll_back_to_backup(settings, toy)["restored"] == ["toy_movies.parquet"]
    assert store.champion() == trained.versions[0]
    assert roll_back(settings, toy) == trained.versions[1]


@pytest.mark.both_engines
def test_it_is_trained_again_to_the_same_figures(trained: Trained, toy: Family) -> None:
    recipe = recipe_of(trained.store.record(trained.versions[1]))
    assert all(figure.same for figure in reproduce_version(trained.lakehouse, toy, recipe))


def test_golds_functions_serve_its_champion(trained: Trained) -> None:
    version = champion_version(trained.store)
    champion = trained.store.load(version)
    rated = read_ratings(trained.lakehouse, TRAIN_RATINGS.name)
    rows = recommendation_rows(champion, rated, version, Order(5, NOW)).to_pylist()
    assert [row["user_id"] for row in rows] == champion.user_ids.tolist()
    assert {len(row["recommendations"]) for row in rows} == {5}
    assert {row["model_version"] for row in rows} == {trained.versions[1]}
    assert similar_rows(champion, champion.movie_ids, version, Order(5, NOW)).num_rows == len(champion.movie_ids)


def test_maintenance_removes_its_superseded_versions_but_those_that_serve(
    trained: Trained, toy: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained.lakehouse.root, tmp_path / "lake")
    settings = load_settings(lakehouse_path=tmp_path / "lake", model_versions_kept=1)
    store, old = model_store(settings, toy), "20200101_000000"
    shutil.copytree(store.path(trained.versions[0]), store.path(old))
    monkeypatch.setattr(maintenance, "FAMILIES", (toy,))
    assert maintenance.remove_superseded(settings) == [old]
    assert store.versions() == trained.versions
