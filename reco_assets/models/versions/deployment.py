"""From a decision to the version that serves: load it back, test it, back the champion up, move the aliases, promote.

`champion.json` moves last. Whatever fails or is killed before that leaves the champion as it was, and a repeated run
starts over; MLflow's aliases, which a kill may leave one step ahead or behind, are set anew by every run.

Where `PROMOTION_WAITS=experiment`, what may be promoted begins an experiment instead; `end` says what comes of it.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from reco_assets.models.interface import Family
from reco_assets.models.record import Annotation, ComparisonRecord
from reco_assets.models.versions.backup import back_up
from reco_assets.models.versions.experiments import (
    Experiment,
    Outcome,
    begin,
    described,
    finish,
    last_experiment,
    running_experiment,
)
from reco_assets.models.versions.files import ModelStoreError, load_users
from reco_assets.models.versions.smoke import smoke_test
from reco_assets.models.versions.store import ModelStore, model_store, promoting
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings

WAITS = ("in experiment: ", "waits: ")  # how the reason begins of what isn't promoted yet


@dataclass(frozen=True)
class Candidate:
    """A judged version, and the registry that holds it; `judge_again` compares it with the champion of today."""

    family: Family
    version: str
    registry: MlflowTracking
    judge_again: Callable[[], object] | None = None


def deploy(settings: Settings, candidate: Candidate) -> ComparisonRecord:
    """Promote a version if its comparison says so; returns the comparison, whose reason says what was done.

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
    if comparison.promote and champion not in (None, version) and _waits(settings, store, version):
        _require_compared_with(version, comparison.champion, champion)
        comparison = _in_experiment(settings, candidate, comparison)
    store.annotate(version, Annotation(decision=comparison.reason))
    if comparison.promote and champion != version:
        _require_compared_with(version, comparison.champion, champion)
        _serve(settings, candidate, comparison.reason)
    elif champion is not None:
        registry.mark_champion(champion, store.previous(), store.record(champion).decision)
    if running := running_experiment(store):
        registry.mark_challenger(running.challenger)
    return comparison


def start(settings: Settings, candidate: Candidate) -> Experiment:
    """Begin an experiment with a version, whatever its figures. Raises as `begin`, and as `deploy`."""
    with promoting(settings, candidate.family):
        store = model_store(settings, candidate.family)
        made = _begin(settings, candidate)
        store.annotate(candidate.version, Annotation(decision=f"challenger by hand: {described(made)}"))
        candidate.registry.mark_challenger(made.challenger)
        return made


def end(
    settings: Settings, registry: MlflowTracking, family: Family, experiment: Experiment, verdict: "Verdict"
) -> bool:
    """Carry out what an experiment came to; whether there was something to do, as another run may have done it.

    A challenger that is to serve is promoted first, and the experiment ended after it: a run that is killed between
    both leaves one that is void, which the next look ends. Raises as `deploy`.
    """
    with promoting(settings, family):
        store = model_store(settings, family)
        if running_experiment(store) != experiment:
            return False
        challenger = Candidate(family, experiment.challenger, registry)
        store.annotate(experiment.challenger, Annotation(decision=verdict.reason))
        if verdict.outcome == "promoted":
            _serve(settings, challenger, verdict.reason)
        else:
            registry.mark_champion(experiment.champion, store.previous(), verdict.reason)
        finish(store, experiment, verdict.outcome, verdict.reason, datetime.now(UTC))
        return True


@dataclass(frozen=True)
class Verdict:
    """What an experiment comes to, and why."""

    outcome: Outcome
    reason: str


def _serve(settings: Settings, candidate: Candidate, reason: str) -> None:
    store = model_store(settings, candidate.family)
    champion = store.champion()
    _test_as_registered(store, candidate.registry, candidate.version)
    back_up(settings, candidate.family)
    candidate.registry.mark_champion(candidate.version, champion, reason)
    store.promote(candidate.version, reason)


def _waits(settings: Settings, store: ModelStore, version: str) -> bool:
    """Whether a promotion waits: for an experiment of its own, or for the end of one that runs; or had its own.

    What a family makes that is judged in its own way is in no list of gold.
    """
    if store.family.own is not None:
        return False
    wanted = settings.experiments.promotion_waits == "experiment"
    return wanted or running_experiment(store) is not None or _tried(store, version) is not None


def _tried(store: ModelStore, version: str) -> Experiment | None:
    """The experiment that a version has had with the champion of today, which another run does not decide again."""
    last = last_experiment(store)
    told = last and last.outcome not in (None, "void")
    return last if last and told and (last.challenger, last.champion) == (version, store.champion()) else None


def _in_experiment(settings: Settings, candidate: Candidate, comparison: ComparisonRecord) -> ComparisonRecord:
    store = model_store(settings, candidate.family)
    running = running_experiment(store)
    passed = f"it passed the gate ({comparison.reason.removeprefix('promoted: ')})"
    if tried := _tried(store, candidate.version):
        reason = tried.reason
    elif running is None:
        reason = f"in experiment: {passed}. {described(_begin(settings, candidate))} says whether it serves"
    elif running.challenger == candidate.version:
        reason = f"in experiment: {described(running)} is under way"
    else:
        reason = (
            f"waits: {passed}, and {described(running)} runs. After that: reco experiment start {candidate.version}"
        )
    return comparison.model_copy(update={"promote": False, "reason": reason})


def who_waits(store: ModelStore, challenger: str) -> str | None:
    """The newest version that waited for the end of a challenger's experiment, as it was trained after that one.

    Raises `ModelStoreError`.
    """
    later = [version for version in reversed(store.versions()) if version > challenger]
    return next((version for version in later if store.record(version).decision.startswith(WAITS[1])), None)


def _begin(settings: Settings, candidate: Candidate) -> Experiment:
    store = model_store(settings, candidate.family)
    _test_as_registered(store, candidate.registry, candidate.version)
    return begin(store, candidate.version, settings.experiments, datetime.now(UTC))


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
