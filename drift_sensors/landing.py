"""The landing sensor: complete CSV files in the streaming folder start an intake run.

A tick lists and stats; it opens only files that did not change between two ticks, to look at their last byte.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from drift_sensors.cursors import (
    ATTEMPT_TAG,
    GROUP_TAG,
    UNFINISHED,
    Attempt,
    RetryPolicy,
    attempts,
    dump_files,
    load_files,
)
from reco_assets.jobs import STREAM_INTAKE
from reco_assets.streaming.landing import LandedFile, claimed_files, is_complete, landed_files
from resources.settings import Settings

NAMED_FILES = 3


@dataclass(frozen=True)
class Observation:
    """What a tick saw: files to take in, files that are not complete yet, files that a broken run had claimed."""

    complete: tuple[LandedFile, ...]
    incomplete: tuple[LandedFile, ...]
    claimed: tuple[str, ...]

    @property
    def group(self) -> str:
        """Identifies this very set of files; unchanged files that fail again are the same group."""
        facts = [f"{file.name}:{file.size}:{file.mtime_ns}:{file.inode}" for file in self.complete]
        return hashlib.sha256("\n".join([*facts, *self.claimed]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Launch:
    """Start an intake run of these files; `attempt` of the group counts from 1."""

    files: tuple[str, ...]
    group: str
    attempt: int


def observe(folder: Path, seen: Sequence[LandedFile], before: Mapping[str, LandedFile]) -> Observation:
    """Which of the files seen are complete: unchanged since the tick before, and ended as `is_complete` says."""
    unchanged = [file for file in seen if before.get(file.name) == file]
    complete = tuple(file for file in unchanged if is_complete(folder, file))
    taken = set(complete)
    incomplete = tuple(file for file in seen if file not in taken)
    return Observation(complete, incomplete, tuple(path.name for path in claimed_files(folder)))


def decide(
    observation: Observation, under_way: Sequence[Attempt], tried: Sequence[Attempt], policy: RetryPolicy, now: float
) -> Launch | str:
    """A run to launch, or the reason why not. `tried` are the earlier runs of this very group; now: Unix seconds."""
    if under_way:
        return f"Intake run {under_way[0].run_id} is under way."
    if not observation.complete and not observation.claimed:
        return _why_waiting(observation.incomplete)
    failures = [attempt for attempt in tried if not attempt.succeeded]
    if len(failures) >= policy.max_attempts:
        return (
            f"Gave up after {len(failures)} failed runs on the same files; see run {failures[-1].run_id}. Correct the "
            "cause, then touch one of the files to try again."
        )
    if failures and now < policy.wait_until(failures):
        return f"Waiting until the next attempt after failed run {failures[-1].run_id}."
    return Launch(tuple(file.name for file in observation.complete), observation.group, len(tried) + 1)


def landing_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor on the streaming folder, on by default."""
    policy = RetryPolicy(settings.run_max_attempts, settings.run_backoff_seconds)

    @dg.sensor(
        name="landing_sensor",
        job_name=STREAM_INTAKE.name,
        minimum_interval_seconds=settings.sensor_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Complete CSV files in the streaming folder start an intake run.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        folder, instance = settings.landing, context.instance
        seen = landed_files(folder)[: settings.intake_max_files]
        observation = observe(folder, seen, load_files(context.cursor))
        under_way = attempts(instance, dg.RunsFilter(job_name=STREAM_INTAKE.name, statuses=list(UNFINISHED)))
        tried = attempts(instance, dg.RunsFilter(tags={GROUP_TAG: observation.group}))
        decision = decide(observation, under_way, tried, policy, time.time())
        cursor = dump_files(seen)
        if isinstance(decision, str):
            return dg.SensorResult(skip_reason=decision, cursor=cursor)
        return dg.SensorResult(run_requests=[_request(decision, policy)], cursor=cursor)

    return sensor


def _request(launch: Launch, policy: RetryPolicy) -> dg.RunRequest:
    # Dagster never repeats a run key, not even of a failed run; the attempt makes the next one new.
    return dg.RunRequest(
        run_key=f"intake:{launch.group}:{launch.attempt}",
        run_config={"ops": {"process_streaming_data": {"config": {"files": list(launch.files)}}}},
        tags={GROUP_TAG: launch.group, ATTEMPT_TAG: f"{launch.attempt}/{policy.max_attempts}"},
    )


def _why_waiting(incomplete: Sequence[LandedFile]) -> str:
    if not incomplete:
        return "No CSV file in the streaming folder."
    names = ", ".join(file.name for file in incomplete[:NAMED_FILES])
    return (
        f"{len(incomplete)} file(s) not complete yet: {names}. A file is complete when it stays unchanged between two "
        "ticks and ends in a newline, or a file of its name with .done lies beside it."
    )
