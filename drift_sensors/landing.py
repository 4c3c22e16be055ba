"""The landing sensor: complete CSV files in the streaming folder start an intake run.

A tick lists and stats; it opens a file only to look at its last byte and to ask whether someone writes to it.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from drift_sensors.cursors import ATTEMPT_TAG, GROUP_TAG, Attempt, RetryPolicy, attempts, unfinished
from drift_sensors.landing_looks import Observation, dump, load, observe, started
from reco_assets.pipelines.internal import STREAM_INTAKE
from reco_assets.pipelines.jobs import Jobs
from reco_assets.streaming.claims import REFUSED
from resources.paths.own_folders import StrangeFolderError
from resources.settings import Settings

NAMED_FILES = 10


@dataclass(frozen=True)
class Launch:
    """Start an intake run of these files; `attempt` of the group counts from 1."""

    files: tuple[str, ...]
    group: str
    attempt: int


def group_of(observation: Observation) -> str:
    """Identifies this very set of files; unchanged files that fail again are the same group."""
    files = (*observation.complete, *observation.claimed)
    facts = [f"{file.name}:{file.size}:{file.mtime_ns}:{file.inode}" for file in files]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def decide(
    observation: Observation, under_way: Sequence[Attempt], tried: Sequence[Attempt], policy: RetryPolicy, now: float
) -> Launch | str:
    """A run to launch, or the reason why not. `tried` are the earlier runs of this very group; now: Unix seconds."""
    if under_way:
        return f"Intake run {under_way[0].run_id} is under way."
    if not observation.complete and not observation.claimed:
        return _why_waiting(observation)
    failures = [attempt for attempt in tried if not attempt.succeeded]
    if len(failures) >= policy.max_attempts:
        return (
            f"Gave up after {len(failures)} failed runs on the same files; see run {failures[-1].run_id}. Correct the "
            "cause, then touch one of the files to try again."
        )
    if failures and now < policy.wait_until(failures):
        return f"Waiting until the next attempt after failed run {failures[-1].run_id}."
    files = tuple(file.name for file in observation.complete)
    return Launch(files, group_of(observation), len(tried) + 1)


def landing_sensor(settings: Settings, jobs: Jobs) -> dg.SensorDefinition:
    """The sensor on the streaming folder, on by default; of `jobs`, it starts the one that takes files in."""
    policy = RetryPolicy(settings.sensors.max_attempts, settings.sensors.backoff_seconds)

    @dg.sensor(
        name="landing_sensor",
        job=jobs[STREAM_INTAKE.name],
        minimum_interval_seconds=settings.sensors.interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Complete CSV files in the streaming folder start an intake run.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        instance, now = context.instance, time.time()
        try:
            observation, watched = observe(settings, load(context.cursor), policy, now)
        except StrangeFolderError as error:
            return dg.SensorResult(skip_reason=str(error), cursor=context.cursor)
        under_way = unfinished(instance, STREAM_INTAKE.name)
        tried = attempts(instance, dg.RunsFilter(tags={GROUP_TAG: group_of(observation)}))
        decision = decide(observation, under_way, tried, policy, now)
        untaken = files_named(observation)
        if isinstance(decision, str):
            said = " ".join(filter(None, [decision, untaken]))
            return dg.SensorResult(skip_reason=said, cursor=dump(watched))
        if untaken:
            context.log.info(untaken)
        return dg.SensorResult(
            run_requests=[_request(decision, policy)], cursor=dump(started(watched, observation, now))
        )

    return sensor


def files_named(observation: Observation) -> str:
    """Every file that is not taken, with its reason and since when, as far as one message holds them."""
    named = "; ".join(str(file) for file in observation.not_taken[:NAMED_FILES])
    hidden = len(observation.not_taken) - NAMED_FILES
    said = [f"Not taken: {named}{f'; and {hidden:,} more' if hidden > 0 else ''}."] if named else []
    if observation.refused:
        said.append(f"{observation.refused:,} refused file(s) lie in {REFUSED}, each with its reason beside it.")
    return " ".join(said)


def _request(launch: Launch, policy: RetryPolicy) -> dg.RunRequest:
    # Dagster never repeats a run key, not even of a failed run; the attempt makes the next one new.
    return dg.RunRequest(
        run_key=f"intake:{launch.group}:{launch.attempt}",
        run_config={"ops": {"process_streaming_data": {"config": {"files": list(launch.files)}}}},
        tags={GROUP_TAG: launch.group, ATTEMPT_TAG: f"{launch.attempt}/{policy.max_attempts}"},
    )


def _why_waiting(observation: Observation) -> str:
    if observation.settling:
        names = ", ".join(file.name for file in observation.settling[:NAMED_FILES])
        return f"{len(observation.settling)} file(s) looked at again until they lie still: {names}."
    if observation.left_behind:
        return f"{len(observation.left_behind)} file(s) that runs left behind wait for their next try."
    return "No complete CSV file in the streaming folder."
