"""An experiment begins or ends by hand, and gold follows."""

from datetime import UTC, datetime
from typing import Any, Literal

from reco_assets.experiments.look import NONE, look_and_decide, look_at, next_step
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.serving import serving_store
from reco_assets.models.versions.deployment import Candidate, Verdict, end, start
from reco_assets.models.versions.experiments import (
    Experiment,
    described,
    last_experiment,
    require_champion,
    running_experiment,
    why_void,
)
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import ModelStore
from reco_assets.pipelines.selections import LISTS
from reco_assets.runner.make import Make
from reco_assets.runner.run import RunFailedError
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse


def start_experiment(settings: Settings, version: str | None, make: Make) -> Experiment:
    """Begin an experiment with a version, by default the newest that passed the gate, and publish its lists.

    It runs from here on, also where gold cannot follow. Raises `ModelStoreError`, `SmokeTestError`, `RunFailedError`.
    """
    store = serving_store(settings)
    require_champion(store)
    challenger = version or newest_passed(store)
    begun = start(settings, Candidate(SERVING_FAMILY, challenger, _registry(settings)))
    _publish(settings, make, f"{described(begun)} runs")
    return begun


def newest_passed(store: ModelStore) -> str:
    """The newest version that was found no worse than the champion, by its gate and its experiment, if it had one.

    Raises `ModelStoreError` where there is none.
    """
    champion, last = require_champion(store), last_experiment(store)
    dropped = {last.challenger} if last and last.outcome == "dropped" else set()
    for version in reversed(store.versions()):
        metrics = store.record(version).metrics
        compared = metrics and metrics.comparison
        judged = compared and compared.promote and compared.champion == champion
        if judged and version != champion and version not in dropped:
            return version
    raise ModelStoreError(
        f"No version waits that was found no worse than {champion}, which serves. Train one (reco train), or name one: "
        "reco experiment start VERSION."
    )


def stop_experiment(settings: Settings, to: Literal["promote", "keep"], make: Make) -> str:
    """End the experiment that runs, whatever its figures: promote the challenger, or keep the champion; why, in words.

    Raises `ModelStoreError`, also where none runs, `SmokeTestError`, `RunFailedError`.
    """
    store, lakehouse = serving_store(settings), Lakehouse.open(settings)
    running = running_experiment(store)
    if running is None:
        looked = look_and_decide(lakehouse, _registry(settings), datetime.now(UTC))  # which ends one that is void
        raise ModelStoreError(f"There is nothing to stop: {looked.reason}.")
    found = look_at(lakehouse, running, datetime.now(UTC)).text
    verdict = (
        Verdict("promoted", f"promoted by hand in experiment {running.id}: {found}")
        if to == "promote"
        else Verdict("stopped", f"stopped by hand, and the champion stays (experiment {running.id}): {found}")
    )
    if not end(settings, _registry(settings), SERVING_FAMILY, running, verdict):
        raise ModelStoreError("Another run has ended it meanwhile: reco experiment status.")
    _publish(settings, make, verdict.reason)
    return verdict.reason


def experiment_status(settings: Settings) -> dict[str, Any]:
    """The experiment that runs or ran last, its figures by now, and what a look would do. Nothing is changed.

    Raises `ModelStoreError`, `LakehouseError`.
    """
    store = serving_store(settings)
    last = last_experiment(store)
    if last is None:
        return {"state": "none", "text": NONE}
    running = running_experiment(store)
    shown: dict[str, Any] = {"experiment": vars(last)}
    if running is None:
        state = last.outcome or "void"
        return {
            "state": state,
            "text": f"{described(last)} is over: {last.reason or why_void(store, last)}{next_step(store, last)}",
            **shown,
        }
    now = datetime.now(UTC)
    look = look_at(Lakehouse.open(settings), running, now)
    verdict = look.verdict(now)
    then = f" The next look ends it: {verdict.outcome}." if verdict else ""
    text = f"{described(running)}: {look.text}.{then}"
    return {
        "state": "running",
        "text": text,
        "next_look": verdict.outcome if verdict else "goes_on",
        **shown,
        **look.facts(),
    }


def _publish(settings: Settings, make: Make, done: str) -> None:
    try:
        make(settings, LISTS, "gold")
    except RunFailedError as error:
        raise RunFailedError(
            f"{done}. But gold still holds the lists of before ({error}). "
            f"Once that is mended: dg launch --assets '{' or '.join(f'key:{key}' for key in LISTS)}'"
        ) from None


def _registry(settings: Settings) -> MlflowTracking:
    return MlflowTracking(settings, SERVING_FAMILY.registered_name(settings))
