"""What the sensors remember between ticks, and the attempts they find in the run storage by their tags."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

# Tags of the runs that sensors start: which attempt, for what, what called for it, and the drift score.
ATTEMPT_TAG, GROUP_TAG, REPORT_TAG, CALLED_BY_TAG, SCORE_TAG = (
    "reco/attempt",
    "reco/intake_group",
    "reco/drift_report",
    "reco/called_by",
    "reco/drift_score",
)
UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(frozen=True)
class Attempt:
    """A run that tried something: its id, how it stands, and when it ended (Unix seconds, None while it runs)."""

    run_id: str
    status: dg.DagsterRunStatus
    ended: float | None

    @property
    def unfinished(self) -> bool:
        """Whether the run is still queued or at work."""
        return self.status in UNFINISHED

    @property
    def succeeded(self) -> bool:
        """Whether the run ended well."""
        return self.status == dg.DagsterRunStatus.SUCCESS


def attempts(instance: dg.DagsterInstance, filters: dg.RunsFilter) -> list[Attempt]:
    """The runs that a filter finds, oldest first."""
    return [_attempt(record) for record in instance.get_run_records(filters, ascending=True)]


def unfinished(instance: dg.DagsterInstance, *jobs: str) -> list[Attempt]:
    """The runs of some jobs that are queued or at work, oldest first.

    Asked for by status alone: given the job too, sqlite goes through all runs of the job (43,200: 90 ms, not 10).
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=list(UNFINISHED)), ascending=True)
    return [_attempt(record) for record in records if record.dagster_run.job_name in jobs]


def newest(instance: dg.DagsterInstance, filters: dg.RunsFilter) -> Attempt | None:
    """The run that a filter finds which was created last."""
    return next((_attempt(record) for record in instance.get_run_records(filters, limit=1)), None)


def _attempt(record: dg.RunRecord) -> Attempt:
    return Attempt(record.dagster_run.run_id, record.dagster_run.status, record.end_time)


@dataclass(frozen=True)
class RetryPolicy:
    """At most so many attempts, each waiting twice as long after a failure as the one before (seconds)."""

    max_attempts: int
    backoff_seconds: int

    def wait_until(self, failures: Sequence[Attempt]) -> float:
        """When the next attempt may start (Unix seconds), after one or more failures."""
        return (failures[-1].ended or 0.0) + float(self.backoff_seconds * 2 ** (len(failures) - 1))
