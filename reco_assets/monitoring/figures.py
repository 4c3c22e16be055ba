"""What Prometheus is told, read from what storage holds: nothing is counted in this process, so any may be ended."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from reco_assets.batches.accepted import waiting, waiting_totals
from reco_assets.drift.document import called_by
from reco_assets.drift.reports import newest_report, read_report
from reco_assets.models.families import FAMILIES
from reco_assets.models.versions.folders import began
from reco_assets.models.versions.store import model_store
from reco_assets.monitoring.causes import Causes
from reco_assets.ops.stage import SUCCEEDED
from reco_assets.ops.store import stages_since
from reco_assets.pipelines.jobs import SPECS
from reco_assets.streaming.landing import landed_files
from resources.orchestrator.run_counts import counts, last_successes
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse

STAGE_DAYS = 8  # a weekly stage is in it
MIB = 1 << 20
ASSETS = "__ASSET_JOB"  # what Dagster calls a run of a selection of assets


@dataclass(frozen=True)
class Sample:
    """One value, with the labels that tell it from others of its figure."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A measure by its name behind `reco_`, what it means, and its values; the same figure has the same labels."""

    name: str
    meaning: str
    samples: Sequence[Sample]


@dataclass(frozen=True)
class Place:
    """Where figures are read: the lakehouse of the settings, Dagster's storage, at a moment (Unix seconds)."""

    settings: Settings
    instance: dg.DagsterInstance
    now: float


def run_figures(place: Place) -> Iterator[Figure]:
    """How many runs Dagster keeps by job and status, how the last ones ended, and how long the queue is."""
    jobs = [*(spec.name for spec in SPECS), ASSETS]
    kept, succeeded = counts(place.instance), last_successes(place.instance)
    by_status = [
        Sample(kept.get((job, status), 0), {"job": job, "status": status.value.lower()})
        for job in jobs
        for status in dg.DagsterRunStatus
    ]
    yield Figure("runs", "Runs that Dagster keeps, by job and status.", by_status)
    last = [({"job": job}, succeeded[job]) for job in jobs if job in succeeded]
    ended = [Sample(run.end, labels) for labels, run in last]
    took = [Sample(run.end - run.start, labels) for labels, run in last]
    yield Figure("run_last_success_timestamp_seconds", "When a job's last good run ended.", ended)
    yield Figure("run_last_success_seconds", "How long a job's last good run took.", took)
    queued = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])
    oldest = place.instance.get_run_records(queued, limit=1, ascending=True)
    waits = [place.now - record.create_timestamp.timestamp() for record in oldest]
    yield Figure("run_queue_wait_seconds", "How long the oldest queued run waits.", [Sample(max([0.0, *waits]))])


def drift_figures(place: Place) -> Iterator[Figure]:
    """The newest drift report's score and verdict; none before the first."""
    path = newest_report(place.settings)
    if not path.exists():
        return
    report = read_report(place.settings)
    if report.get("drift_score") is not None:
        yield Figure("drift_score", "Score of the newest drift report.", [Sample(report["drift_score"])])
    calls = Sample(float(report["should_retrain"]))
    yield Figure("drift_calls_for_retraining", "1 where the newest drift report calls for retraining.", [calls])
    called = [Sample(1.0, {"reason": code}) for code in called_by(report)]
    yield Figure("drift_called_by", "1 for each reason why it calls: the score, or a trigger.", called)
    age = Sample(place.now - path.stat().st_mtime)
    yield Figure("drift_report_age_seconds", "Age of the newest drift report.", [age])


def batch_figures(place: Place) -> Iterator[Figure]:
    """How many batches and ratings wait for training and how long, and how many files wait to be taken in."""
    lakehouse = Lakehouse.open(place.settings)
    totals = waiting_totals(lakehouse)
    yield Figure("batches_waiting", "Batches that no training takes yet.", [Sample(totals.batches)])
    yield Figure("ratings_waiting", "Ratings in these batches.", [Sample(totals.rows)])
    landed = [receipt.landed_ns / 1e9 for receipt in waiting(lakehouse)] if totals.batches else []
    yield Figure("batch_lag_seconds", "Time since the oldest of them landed.", [_age(landed, place.now)])
    files = [file.ctime_ns / 1e9 for file in landed_files(place.settings.storage.landing)]
    yield Figure("landing_files", "Files in the streaming folder that are not taken in.", [Sample(len(files))])
    yield Figure("landing_lag_seconds", "Time since the oldest of them came.", [_age(files, place.now)])


def model_figures(place: Place) -> Iterator[Figure]:
    """The age of each family's champion, since its training began and since it serves; none before the first."""
    trained, served, versions = [], [], []
    for family in FAMILIES:
        store = model_store(place.settings, family)
        if (champion := store.champion()) is None:
            continue
        labels = {"family": family.name}
        versions.append(Sample(1.0, {**labels, "version": champion}))
        if (moment := began(champion)) is not None:
            trained.append(Sample(place.now - moment, labels))
        if since := store.record(champion).promoted_ts:
            served.append(Sample(place.now - _seconds(since), labels))
    yield Figure("model_champion", "1 for the version that is a family's champion.", versions)
    yield Figure("model_age_seconds", "Time since the champion's training began.", trained)
    yield Figure("model_served_seconds", "Time since it was promoted.", served)


def stage_figures(place: Place) -> Iterator[Figure]:
    """What each stage took when it last succeeded, in the last days; none before the first run."""
    since = datetime.fromtimestamp(place.now, UTC) - timedelta(days=STAGE_DAYS)
    stages = stages_since(Lakehouse.open(place.settings), since)
    last = {each.stage: each for each in stages if each.outcome == SUCCEEDED}
    took = [Sample(each.wall_seconds, {"stage": name}) for name, each in last.items()]
    peaks = [Sample(each.peak_memory_mib * MIB, {"stage": name}) for name, each in last.items()]
    yield Figure("stage_last_seconds", "How long a stage took when it last succeeded.", took)
    yield Figure("stage_last_peak_memory_bytes", "The most memory that its process had in it.", peaks)


PARTS: Mapping[str, Callable[[Place], Iterator[Figure]]] = {
    "runs": run_figures,
    "drift": drift_figures,
    "batches": batch_figures,
    "models": model_figures,
    "stages": stage_figures,
}


def all_figures(settings: Settings, instance: dg.DagsterInstance, causes: Causes) -> Iterator[Figure]:
    """Every figure now; a part that can't be read is left out, as `part_readable` and a line of `causes` say."""
    place, readable = Place(settings, instance, time.time()), []
    for name, read in PARTS.items():
        try:
            found = list(read(place))
        except Exception as error:  # a damaged file of one part must not hide the others
            causes.failed(name, error)
            found, well = [], 0.0
        else:
            causes.well(name)
            well = 1.0
        yield from found
        readable.append(Sample(well, {"part": name}))
    yield Figure("part_readable", "1 where the figures of a part could be read.", readable)


def _age(moments: Sequence[float], now: float) -> Sample:
    return Sample(max(0.0, now - min(moments)) if moments else 0.0)


def _seconds(moment: str) -> float:
    found = datetime.fromisoformat(moment)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
