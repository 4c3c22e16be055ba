"""Training a version again from what it recorded, to see the same figures: Delta versions, settings, seed, protocol."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reco_assets.models.blocks import in_blocks
from reco_assets.models.inputs import read_ratings
from reco_assets.models.interface import Family
from reco_assets.models.judging.blocks import InBlocks
from reco_assets.models.judging.evaluation import Exam, Protocol
from reco_assets.models.record import MetricsRecord, ModelRecord, RankingRecord, StarsRecord
from reco_assets.models.training import fit, training_data
from reco_assets.models.versions.store import ModelStore, model_store
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from reco_assets.version import code_version
from resources.cores import usable_cores
from resources.errors import RecoError
from resources.settings.engine import EngineName
from resources.tables.files import BrokenTableError
from resources.tables.lakehouse import Lakehouse

TOLERANCE = 1e-3


class ReproductionError(RecoError):
    """A version cannot be trained again; the message says what is missing."""


@dataclass(frozen=True)
class Recipe:
    """Everything a version was made of and judged by, and the figures it got."""

    version: str
    engine: EngineName
    cores: int | None
    code_version: str
    train_version: int
    test_version: int
    train_count: int
    lookback_days: int | None
    config: Any
    protocol: Protocol
    figures: Mapping[str, float | None]

    def describe(self) -> list[str]:
        """What is done, and where this place differs from the one where the version was trained."""
        lines = [
            f"Training {self.version} again on the {self.engine} engine: {TRAIN_RATINGS.name} version "
            f"{self.train_version}, judged on {TEST_RATINGS.name} version {self.test_version}."
        ]
        cores = usable_cores()
        if self.engine == "spark" and self.cores != cores:  # MLlib's blocks follow them; our own solver's bits don't
            lines.append(f"It was trained on {self.cores} cores and here are {cores}: figures may differ.")
        if self.code_version != code_version():
            lines.append(f"It was trained by {self.code_version} and this is {code_version()}: figures may differ.")
        return lines


@dataclass(frozen=True)
class Figure:
    """One metric as it was recorded and as it came out now; None where there was nothing to judge."""

    name: str
    recorded: float | None
    now: float | None

    @property
    def difference(self) -> float | None:
        """Now less recorded."""
        return None if self.recorded is None or self.now is None else self.now - self.recorded

    @property
    def same(self) -> bool:
        """Whether both are the same within the tolerance, or both undefined."""
        return self.recorded is self.now is None or (self.difference is not None and abs(self.difference) <= TOLERANCE)


def require_whole(record: ModelRecord) -> None:
    """Raise `ReproductionError` where users were forgotten whose ratings a version was trained on."""
    if record.forgotten:
        raise ReproductionError(
            f"{record.version} can't be reproduced: users whose ratings it was trained on were forgotten since, and "
            "these ratings are gone from every version of the tables. Train one without them: reco train."
        )


def recipe_of(record: ModelRecord) -> Recipe:
    """What a version's model.json says. Raises `ReproductionError` where it does not record all that is needed."""
    require_whole(record)
    version, metrics = record.version, record.metrics
    if metrics is None:
        raise ReproductionError(
            f"{version} was never judged, so there are no figures to compare. Judge it: reco evaluate."
        )
    train, test = record.delta_version(TRAIN_RATINGS.name), metrics.inputs.get(TEST_RATINGS.name)
    if train is None or not isinstance(test, int):
        raise ReproductionError(
            f"{version} was not trained and judged on Delta versions: with STORAGE_FORMAT=parquet, or on files of its "
            "own, what a table once held is not kept."
        )
    ranking = metrics.ranking
    return Recipe(
        version=version,
        engine=record.engine,
        cores=record.cores,
        code_version=record.code_version,
        train_version=train,
        test_version=test,
        train_count=record.train_count,
        lookback_days=record.lookback_days,
        config=record.config,
        protocol=Protocol(ranking.k, ranking.threshold, metrics.hyperparameters.cold_start_strategy, record.split),
        figures=_figures(metrics.evaluation, ranking),
    )


def reproduce_version(lakehouse: Lakehouse, family: Family, recipe: Recipe) -> list[Figure]:
    """Train and judge again; every figure as recorded and as it is now. Raises `ReproductionError`.

    The lakehouse's engine must be the recipe's.
    """
    for table, at in ((TRAIN_RATINGS.name, recipe.train_version), (TEST_RATINGS.name, recipe.test_version)):
        _require_there(lakehouse, table, at, recipe.version)
    data = training_data(family, lakehouse, recipe.train_version, recipe.lookback_days)
    if len(data.ratings) != recipe.train_count:
        raise ReproductionError(
            f"{recipe.version} was trained on {recipe.train_count:,} ratings, but {TRAIN_RATINGS.name} version "
            f"{recipe.train_version} has {len(data.ratings):,}: users were forgotten since, or the table was removed "
            "and made anew."
        )
    with _store_of_its_own(lakehouse, family) as store:
        store.save(recipe.version, fit(family, data, recipe.config, lakehouse.engine), {})
        found = _figures_of(_judged(lakehouse, store, recipe))
    return [Figure(name, recorded, found[name]) for name, recorded in recipe.figures.items()]


def _judged(lakehouse: Lakehouse, store: ModelStore, recipe: Recipe) -> Mapping[str, Any]:
    """Lists leave out all that a user rated, also what is too old to be trained on."""
    train, test = recipe.train_version, recipe.test_version
    if in_blocks(lakehouse, store.family, {TRAIN_RATINGS.name: train, TEST_RATINGS.name: test}):
        by = InBlocks(lakehouse, train, test, recipe.protocol)
        (judgement,) = by.judge([by.open(store, recipe.version, as_trained=True)])
        return judgement.sections
    seen, tested = read_ratings(lakehouse, TRAIN_RATINGS.name, train), read_ratings(lakehouse, TEST_RATINGS.name, test)
    return Exam(tested, seen, recipe.protocol).evaluate(store.load(recipe.version)).document()


@contextmanager
def _store_of_its_own(lakehouse: Lakehouse, family: Family) -> Iterator[ModelStore]:
    """A store for a version that nobody is to find; below the lakehouse, where all that the engine starts can write."""
    beside = model_store(lakehouse.settings, family).folder
    beside.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".reproduced-", dir=beside) as folder:
        yield ModelStore(Path(folder), family)


def _figures_of(found: Mapping[str, Any]) -> dict[str, float | None]:
    sections = MetricsRecord.model_validate(found)
    return _figures(sections.evaluation, sections.ranking)


def _figures(stars: StarsRecord, ranking: RankingRecord) -> dict[str, float | None]:
    return {
        "warm RMSE": stars.rmse,
        "RMSE, all pairs": stars.rmse_all,
        f"NDCG@{ranking.k}": ranking.ndcg,
        f"hit rate@{ranking.k}": ranking.hit_rate,
    }


def _require_there(lakehouse: Lakehouse, table: str, version: int, model: str) -> None:
    """Look at all files of a table, as an engine would tell of one that is gone only when it needs it."""
    try:
        lakehouse.dataset(table, version).count_rows()
    except (OSError, BrokenTableError) as error:
        raise ReproductionError(
            f"{model} cannot be reproduced: {table} version {version} is no longer there, because its files were "
            f"vacuumed or removed ({str(error).splitlines()[0][:200]}). Newer versions may still be whole: "
            "reco model list."
        ) from None
