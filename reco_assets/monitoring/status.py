"""What is asked first of a platform that runs by itself: who serves and why, what waits, what failed, who watches."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from reco_assets.batches.accepted import waiting, waiting_totals
from reco_assets.batches.withdrawn import withdrawn
from reco_assets.drift.reports import newest_report, read_report, reports_folder
from reco_assets.gold.arms import versions_of
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.versions.experiments import described, running_experiment
from reco_assets.models.versions.store import model_store
from reco_assets.models.versions.withdrawn import on_withdrawn, way_out
from reco_assets.monitoring.figures import Place
from reco_assets.pipelines.failures import last_failed_run
from reco_assets.sources.choose import in_words
from reco_assets.streaming.landing import landed_files
from reco_assets.streaming.not_taken import count_refused, files_not_taken
from reco_assets.tables import RECOMMENDATIONS_ALS
from resources.calls.channels import listeners
from resources.dagster_home import HOME
from resources.plain_errors import explain
from resources.tables.lakehouse import Lakehouse

HEARD_SECONDS = 120  # a daemon is heard every 30 s
NO_DAEMON = "nobody watches the streaming folder: make dev starts Dagster with its daemon"
NO_HOME = f"{HOME} isn't set, so what Dagster did is recorded nowhere; make dev uses .dagster"

Section = Mapping[str, Any]


def platform(place: Place) -> Section:
    """Source, engine and lakehouse."""
    settings = place.settings
    return {"source": in_words(settings), "engine": settings.engine.name, "lakehouse": str(settings.storage.root)}


def champion(place: Place) -> Section:
    """The version that serves, since when and why, and the experiment that runs, in words; empty before the first."""
    store = model_store(place.settings, SERVING_FAMILY)
    if (version := store.champion()) is None:
        return {}
    record = store.record(version)
    replaced = list(record.replaced)
    facts = {"version": version, "since": record.promoted_ts, "why": record.decision, "baselines_serve": replaced}
    if running := running_experiment(store):
        facts["experiment"] = described(running)
    learned = on_withdrawn(Lakehouse.open(place.settings), SERVING_FAMILY)
    return facts | ({"trained_on_withdrawn": advice} if (advice := way_out(store, learned)) else {})


def lists(place: Place) -> Section:
    """How many users have a list, made when and by which version, and which challenger; empty before the first."""
    lakehouse = Lakehouse.open(place.settings)
    if not lakehouse.exists(RECOMMENDATIONS_ALS.name):
        return {}
    listed = lakehouse.dataset(RECOMMENDATIONS_ALS.name)
    rows, versions = listed.head(1, columns=["generated_ts"]).to_pylist(), versions_of(listed)
    made = {"version": versions[0], "made": _utc(rows[0]["generated_ts"])} if rows else {}
    made |= {"challenger": versions[1]} if len(versions) > 1 else {}
    return {"users": lakehouse.row_count(RECOMMENDATIONS_ALS.name), **made}


def batches(place: Place) -> Section:
    """Batches that no training takes yet: how many, their ratings, when the oldest came; how many are withdrawn."""
    lakehouse = Lakehouse.open(place.settings)
    totals = waiting_totals(lakehouse)
    landed = [receipt.landed_ns for receipt in waiting(lakehouse)] if totals.batches else []
    since = {"since": _moment(min(landed) / 1e9)} if landed else {}
    out = len(withdrawn(lakehouse.root))
    return {"waiting": totals.batches, "ratings": totals.rows, **since, **({"withdrawn": out} if out else {})}


def files(place: Place) -> Section:
    """Files in the streaming folder: how many wait, which are not taken and why, how many were refused."""
    folder = place.settings.storage.landing
    not_taken = files_not_taken(place.settings.storage.root, folder)
    return {
        "folder": str(folder),
        "waiting": len(landed_files(folder)),
        "not_taken": list(map(str, not_taken)),
        "refused": count_refused(folder),
    }


def drift(place: Place) -> Section:
    """What the newest drift report says, and its page; empty before the first."""
    path = newest_report(place.settings)
    if not path.exists():
        return {}
    report = read_report(place.settings)
    return {
        "score": report.get("drift_score"),
        "should_retrain": report["should_retrain"],
        "reason": report["reason"],
        "made": _moment(path.stat().st_mtime),
        "page": str(reports_folder(place.settings) / f"{report['report_id']}.html"),
    }


def failed_run(place: Place) -> Section:
    """Of the newest run that failed: its job, when, and why; empty where none did."""
    found = last_failed_run(place.instance)
    if found is None:
        return {}
    ended = {"ended": _moment(found.ended)} if found.ended else {}
    return {"job": found.job, "run_id": found.run_id, **ended, "why": str(found.failure)}


def daemon(place: Place) -> Section:
    """Whether Dagster's sensors are looked after, and when they were last; `problem` where they aren't."""
    if not os.environ.get(HOME):
        return {"alive": False, "problem": NO_HOME}
    beats = place.instance.get_daemon_heartbeats()
    heard = beats["SENSOR"].timestamp if "SENSOR" in beats else None
    alive = heard is not None and place.now - heard < HEARD_SECONDS
    return {
        "alive": alive,
        **({"heard": _moment(heard)} if heard else {}),
        **({} if alive else {"problem": NO_DAEMON}),
    }


def alerts(place: Place) -> Section:
    """Who hears of failures."""
    return {"go_to": listeners(place.settings)}


SECTIONS: Mapping[str, Callable[[Place], Section]] = {
    "platform": platform,
    "champion": champion,
    "lists": lists,
    "batches": batches,
    "files": files,
    "drift": drift,
    "last_failed_run": failed_run,
    "daemon": daemon,
    "alerts": alerts,
}


def status(place: Place) -> Mapping[str, Section]:
    """Every section by its name, as plain JSON; one that can't be read is {"error": why}, and hides no other."""

    def read(section: Callable[[Place], Section]) -> Section:
        try:
            return section(place)
        except Exception as error:  # whatever is damaged, this is where people look first
            return {"error": explain(error)}

    return {name: read(section) for name, section in SECTIONS.items()}


def _moment(seconds: float) -> str:
    return _utc(datetime.fromtimestamp(seconds, UTC))


def _utc(moment: datetime) -> str:
    return moment.replace(tzinfo=moment.tzinfo or UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
