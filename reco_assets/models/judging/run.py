"""A judgement as a run makes it: on today's test ratings, kept with the version, in a file and in MLflow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reco_assets.models.baselines import baselines_beside
from reco_assets.models.blocks import in_blocks
from reco_assets.models.inputs import read_ratings, read_test_ratings
from reco_assets.models.interface import Family, OwnWay
from reco_assets.models.judging.blocks import InBlocks
from reco_assets.models.judging.document import scalar_metrics
from reco_assets.models.judging.evaluation import Exam, protocol_of
from reco_assets.models.judging.forward import Retraining, judged_forward
from reco_assets.models.judging.gate_document import facts_of
from reco_assets.models.judging.judge import InMemory, Judge, judge
from reco_assets.models.judging.leakage import leakage_of
from reco_assets.models.judging.metrics_table import write_metrics
from reco_assets.models.judging.sampled_judge import judge_sampled, not_learned
from reco_assets.models.judging.slice_inputs import Counts, count_ratings, slicing_of
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import Annotation, MetricsRecord, ModelRecord, ServesRecord
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import model_store
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from resources.documents import read_document
from resources.files import write_json
from resources.mlflow.mirror import MlflowTracking
from resources.mlflow.shown import Said, VersionRecord
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse


@dataclass(frozen=True)
class Judged:
    """An evaluation: the run metrics, their file, and the run in MLflow that shows them (None where it is away)."""

    document: dict[str, Any]
    path: Path
    mlflow_run_id: str | None


def metrics_folder(settings: Settings) -> Path:
    """Where the run metrics of all versions are, `run_metrics_*.json`."""
    return settings.storage.root / "gold" / "metrics"


def judged_in_slices(settings: Settings) -> Iterator[dict[str, Any]]:
    """The run metrics there are of judgements in slices. Raises `DocumentError` where a file is damaged."""
    for path in sorted(metrics_folder(settings).glob("run_metrics_*.json")):
        document = read_document(path, dict[str, Any])
        if "slices" in document:
            yield document


def judge_version(family: Family, lakehouse: Lakehouse, registry: MlflowTracking, version: str) -> Judged:
    """Judge a version in its family's way; keep, register and return what was found.

    Raises `LakehouseError`, `ModelStoreError`.
    """
    settings, store = lakehouse.settings, model_store(lakehouse.settings, family)
    record, serves = store.record(version), version == store.champion()
    if family.own:
        document = _judge_own(family, family.own, lakehouse, record, serves)
    else:
        document = _judge_on_test_ratings(family, lakehouse, record)
        write_metrics(lakehouse, [document])
    again = family.own is not None and serves and record.metrics is not None  # what it was deployed by stays its record
    path = metrics_folder(settings) / family.metrics_file.format(version=f"{version}_today" if again else version)
    write_json(path, document)
    if not again:
        store.annotate(version, _judged(document))
    shown = {**document["hyperparameters"], **facts_of(document)}, scalar_metrics(document)
    if again and record.mlflow_run_id:  # registered when it was new
        return Judged(document, path, registry.log_run(version, *shown))
    # A version that is judged again gets a run of its own: one run holds one judgement.
    trained_in = None if record.metrics else record.mlflow_run_id
    told = VersionRecord(version, *shown, store.path(version), (path,), trained_in, _said(record, document))
    return Judged(document, path, registry.log_version(told))


def _said(record: ModelRecord, document: Mapping[str, Any]) -> Said:
    """What MLflow shows of a version beside numbers: the decision that follows, and what it was made of and by."""
    tags = {name: getattr(record, name) for name in ("dagster_run_id", "code_version", "split", "engine")}
    given = {name: value for name, value in tags.items() if value}
    return Said(document["comparison"]["reason"], given, document["inputs"])


def _judged(document: Mapping[str, Any]) -> Annotation:
    """What model.json keeps of the run metrics: all but the slices, which are a table."""
    metrics = MetricsRecord.model_validate({name: found for name, found in document.items() if name != "slices"})
    if metrics.serves is None:
        return Annotation(metrics=metrics)
    return Annotation(metrics=metrics, replaced=metrics.serves.replaced)


def _judge_on_test_ratings(family: Family, lakehouse: Lakehouse, record: ModelRecord) -> dict[str, Any]:
    test_version = lakehouse.version(TEST_RATINGS.name)
    by = _judge_of(family, lakehouse, record, test_version)
    document = judge(lakehouse.settings, family, record.version, by, datetime.now(UTC))
    leakage = leakage_of(lakehouse, record.delta_version(TRAIN_RATINGS.name), test_version)
    inputs = {**record.inputs, TEST_RATINGS.name: test_version}
    forward = _forward(family, lakehouse, record, document, test_version)
    return {**document, **forward, "protocol": leakage.document(record.split), "inputs": inputs}


def _forward(
    family: Family, lakehouse: Lakehouse, record: ModelRecord, document: Mapping[str, Any], test_version: int | None
) -> dict[str, Any]:
    if document["champion"] is None:
        return {}
    champion = model_store(lakehouse.settings, family).record(document["champion"]["version"])
    replaced = ServesRecord.model_validate(document["serves"]).replaced
    found = judged_forward(lakehouse, Retraining(family, record, champion, test_version, replaced))
    return {} if found is None else {"forward": found}


def _judge_own(family: Family, own: OwnWay, lakehouse: Lakehouse, record: ModelRecord, serves: bool) -> dict[str, Any]:
    """A new version is judged on what was held out from it, what serves on the newest, to say how it does by now."""
    held = own.held_out(lakehouse, record.inputs)
    as_trained = len(held.known) == record.train_count and record.inputs.items() <= held.inputs.items()
    if serves:
        now = own.held_out(lakehouse, None)
        held = not_learned(now, held.known) if as_trained else now
    elif not as_trained:
        raise ModelStoreError(
            f"{record.version} was trained on {record.train_count:,} ratings of {', '.join(own.made_from)}, and what "
            f"is there under the version it recorded has {len(held.known):,} others: they were made anew, and it may "
            "have learned what is held out now. Train another: reco train."
        )
    settings = lakehouse.settings
    document = judge_sampled(settings, family, record.version, held, own.limits(settings), moment=datetime.now(UTC))
    return {**document, "inputs": {**record.inputs, **held.inputs}}


def _judge_of(family: Family, lakehouse: Lakehouse, record: ModelRecord, test_version: int | None) -> Judge:
    """Lists leave out all that a user rated, also what is too old to be trained on."""
    trained_on, protocol = (
        record.delta_version(TRAIN_RATINGS.name),
        protocol_of(lakehouse.settings.judging, record.split),
    )
    if in_blocks(lakehouse, family, {TRAIN_RATINGS.name: trained_on, TEST_RATINGS.name: test_version}):
        slicing = slicing_of(lakehouse, count_ratings(lakehouse, trained_on))
        return InBlocks(lakehouse, trained_on, test_version, protocol, slicing=slicing)

    def fitted_to() -> Ratings:
        return read_ratings(lakehouse, TRAIN_RATINGS.name, trained_on, record.lookback_days)

    test, streamed = read_test_ratings(lakehouse, test_version)
    seen = read_ratings(lakehouse, TRAIN_RATINGS.name, trained_on)
    slicing = slicing_of(lakehouse, Counts.of(seen))
    exam = Exam(test, seen, protocol)
    return InMemory(exam, streamed, lambda model: baselines_beside(family, model, fitted_to), slicing)
