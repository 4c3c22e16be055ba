"""Tells of tasks and runs that take longer than their documented SLA. Nothing is ended for it.

A task's time goes from the start of its first step to the end of its last, attempts and the waits between them
included; a run's from when it was asked for. Each is told once: to every channel that is set, in the run's own log, and
as the tick's word in Dagit.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import dagster as dg
from dagster import DagsterInstance

from drift_sensors.cursors import ENDED, UNFINISHED
from drift_sensors.told_runs import ToldRun, told_run
from reco_assets.pipelines.failures import SPEC_OF, tasks_of_steps
from reco_assets.pipelines.jobs import in_words
from reco_assets.pipelines.spec import JobSpec
from resources.calls.channels import Channel, channels
from resources.calls.slack import escaped
from resources.settings import Settings

NAME = "sla_sensor"
INTERVAL_SECONDS = 30
LOG = "the run's log"


@dataclass(frozen=True)
class Span:
    """From when to when something went on (Unix seconds); without an end it still does."""

    start: float
    end: float | None = None


@dataclass(frozen=True)
class Late:
    """A task, or the whole run (`task` is empty), that takes or took longer than its SLA."""

    task: str
    sla: timedelta
    taken: timedelta
    ended: bool

    def __str__(self) -> str:
        what = f"task {self.task}" if self.task else "the run"
        took = "took" if self.ended else "has been going on for"
        return f"{what} {took} {in_words(self.taken)}, its SLA is {in_words(self.sla)}"


Heard = Mapping[str, Sequence[str]]
"""What was told of a run: the tasks that are or were late, by who heard of them."""

Tell = Callable[[DagsterInstance, dg.RunRecord, Sequence[Late]], bool]
"""Tells of one run: whether the listener took it."""


@dataclass(frozen=True)
class Told:
    """What the sensor remembers: up to when it looked (Unix seconds), and what it told of runs it looks at again."""

    since: float
    runs: Mapping[str, Heard]


def late(spec: JobSpec, run: Span, tasks: Mapping[str, Span], now: float) -> list[Late]:
    """What of a run is past its SLA; `tasks` are those that have started."""
    slas = {task.name: task.sla for task in spec.tasks if task.sla is not None and task.name in tasks}
    looked_at = [(name, sla, tasks[name]) for name, sla in slas.items()]
    if spec.limits:
        looked_at.append(("", spec.limits.sla, run))
    found = [
        Late(name, sla, timedelta(seconds=(span.end or now) - span.start), span.end is not None)
        for name, sla, span in looked_at
    ]
    return [each for each in found if each.taken > each.sla]


def task_spans(task_of: Mapping[str, str], steps: Mapping[str, Span], run_end: float | None) -> dict[str, Span]:
    """{task: from its first step's start to its last step's end}; a task goes on until all of its steps have ended."""
    spans = {}
    for task in dict.fromkeys(task_of.values()):
        own = [steps[step] for step, name in task_of.items() if name == task and step in steps]
        if own:
            all_there = len(own) == sum(name == task for name in task_of.values())
            ends = [span.end for span in own]
            known = [end for end in ends if end is not None]
            done = max(known) if all_there and len(known) == len(ends) else run_end
            spans[task] = Span(min(span.start for span in own), done)
    return spans


def late_in(instance: DagsterInstance, record: dg.RunRecord, now: float) -> list[Late]:
    """What of a recorded run is past its SLA."""
    run = record.dagster_run
    stats = instance.get_run_step_stats(run.run_id)
    steps = {step.step_key: Span(step.start_time, step.end_time) for step in stats if step.start_time is not None}
    tasks = task_spans(tasks_of_steps(instance, run.run_id, run.job_name), steps, record.end_time)
    return late(SPEC_OF[run.job_name], Span(record.create_timestamp.timestamp(), record.end_time), tasks, now)


def sla_sensor(settings: Settings, specs: Iterable[JobSpec]) -> dg.SensorDefinition:
    """The sensor over the pipelines that have limits, on by default."""
    jobs = frozenset(spec.name for spec in specs if spec.limits)
    listeners = {LOG: _to_log, **{channel.label: _to_channel(channel) for channel in channels(settings)}}

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now, instance = time.time(), context.instance
        before, away = load(context.cursor, now), set[str]()
        runs, words = dict[str, Heard](), list[str]()
        for record in _looked_at(instance, jobs, before):
            run, found = record.dagster_run, late_in(instance, record, now)
            heard = before.runs.get(run.run_id, {})
            words += [f"{run.job_name}, run {run.run_id}: {each}." for each in _unheard(found, heard, LOG)]
            tells = {name: partial(tell, instance, record) for name, tell in listeners.items()}
            heard = _tell_all(tells, found, heard, away)
            is_untold = any(_unheard(found, heard, listener) for listener in listeners)
            # One that ended since the clock was read is looked at again: what was told of it must stay known.
            if record.end_time is None or record.end_time > now or is_untold:
                runs[run.run_id] = heard
        words += [f"{listener} did not take an alert; it is sent again at the next tick." for listener in sorted(away)]
        word = " ".join(words) or "No run is newly past its SLA."
        return dg.SensorResult(cursor=dump(Told(now, runs)), skip_reason=word)

    return dg.SensorDefinition(
        name=NAME,
        description="Tells of tasks and runs that take longer than their SLA; ends none.",
        evaluation_fn=evaluate,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


def _tell_all(
    tells: Mapping[str, Callable[[Sequence[Late]], bool]], found: Sequence[Late], heard: Heard, away: set[str]
) -> Heard:
    """Tell each listener what it has not heard of a run; what all have heard then. Who takes nothing joins `away`."""
    after = dict(heard)
    for name, tell in tells.items():
        news = _unheard(found, heard, name)
        if not news or name in away:
            continue
        if tell(news):
            after[name] = [*heard.get(name, ()), *(each.task for each in news)]
        else:
            away.add(name)
    return after


def _unheard(found: Sequence[Late], heard: Heard, listener: str) -> list[Late]:
    return [each for each in found if each.task not in heard.get(listener, ())]


def _to_log(instance: DagsterInstance, record: dg.RunRecord, found: Sequence[Late]) -> bool:
    for each in found:
        instance.report_engine_event(f"Past its SLA: {each}.", record.dagster_run)
    return True


def _to_channel(channel: Channel) -> Tell:
    def tell(instance: DagsterInstance, record: dg.RunRecord, found: Sequence[Late]) -> bool:
        run = record.dagster_run
        return channel.post(message(told_run(instance, run.run_id, run.job_name), found))

    return tell


def message(run: ToldRun, found: Sequence[Late]) -> str:
    """One alert on a run."""
    lines = [f"• {escaped(str(each))}" for each in found]
    return "\n".join([f":hourglass_flowing_sand: *{escaped(run.job)}* is late {run.in_slack}", *lines])


def dump(told: Told) -> str:
    """What the sensor remembers, as its cursor."""
    return json.dumps({"since": told.since, "runs": told.runs})


def load(cursor: str | None, now: float) -> Told:
    """What the last tick remembered; the first one begins now."""
    found = json.loads(cursor or "{}")
    # Before there were several channels, a run had one list of tasks.
    runs = {run: heard for run, heard in found.get("runs", {}).items() if isinstance(heard, dict)}
    return Told(found.get("since", now), runs)


def _looked_at(instance: DagsterInstance, jobs: frozenset[str], before: Told) -> list[dg.RunRecord]:
    """Unfinished runs, and those that have ended since the last look; of these, some jobs' runs."""
    running = instance.get_run_records(dg.RunsFilter(statuses=list(UNFINISHED)), ascending=True)
    seen = {record.dagster_run.run_id for record in running}
    gone = [run_id for run_id in before.runs if run_id not in seen]
    since = dg.RunsFilter(statuses=list(ENDED), updated_after=datetime.fromtimestamp(before.since, UTC))
    recent = [r for r in instance.get_run_records(since) if (r.end_time or 0.0) > before.since]
    watched = instance.get_run_records(dg.RunsFilter(run_ids=gone)) if gone else []
    ended = {record.dagster_run.run_id: record for record in (*watched, *recent)}
    return [record for record in (*running, *ended.values()) if record.dagster_run.job_name in jobs]
