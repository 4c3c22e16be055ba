"""A look at the experiment: what its users did so far, what that says, and carrying out the verdict."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.batches.accepted import waiting_batches
from reco_assets.batches.receipts import good_rows
from reco_assets.batches.withdrawn import withdrawn
from reco_assets.experiments.exposures import shown_in
from reco_assets.experiments.outcome import NOBODY, SAID, SHOWN, Outcomes, after_exposure, hits_among, outcomes
from reco_assets.experiments.sequence import Interval, difference
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.serving import serving_store
from reco_assets.models.versions.deployment import Verdict, end, who_waits
from reco_assets.models.versions.experiments import (
    Experiment,
    described,
    finish,
    last_experiment,
    why_void,
)
from reco_assets.models.versions.store import ModelStore, promoting
from reco_assets.tables import SPLITS, STREAM_RATINGS
from reco_assets.vocabulary import CHALLENGER, CHAMPION, PAIR
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings
from resources.tables.appends import batch_rows
from resources.tables.growth import rows_held
from resources.tables.lakehouse import Lakehouse

NONE = "no experiment was begun yet: reco experiment start"


@dataclass(frozen=True)
class Look:
    """What an experiment has come to so far: how many users each arm has shown lists to, and what they did."""

    experiment: Experiment
    exposed: dict[str, int]
    found: Outcomes
    interval: Interval

    def facts(self) -> dict[str, Any]:
        """The figures, for programs."""
        by_arm = {
            arm: {"exposed": self.exposed[arm], "came_back": self._back(arm), "hits": self._hits(arm)}
            for arm in (CHAMPION, CHALLENGER)
        }
        ends = {"difference": self.interval.estimate, "low": self.interval.low, "high": self.interval.high}
        return {**by_arm, "users": len(self.found), "in_their_window": self.found.open, **ends}

    @property
    def text(self) -> str:
        """What was found, in words."""
        exposed = sum(self.exposed.values())
        if not exposed:
            return "no list of it was published yet"
        if not len(self.found):
            still = f", {self.found.open:,} came back and are still in their window" if self.found.open else ""
            return f"no ratings after exposure yet: {exposed:,} users exposed{still}"
        arms = " and ".join(
            f"{self._hits(arm):,} of {self._back(arm):,} with the {arm}'s lists" for arm in (CHALLENGER, CHAMPION)
        )
        return (
            f"of {exposed:,} users exposed {len(self.found):,} came back, of whom {arms} liked a listed movie; "
            f"difference {self.interval.estimate:+.3f}, {1 - self.experiment.alpha:.0%} confidence sequence "
            f"{self.interval.low:+.3f} to {self.interval.high:+.3f}"
        )

    def verdict(self, now: datetime) -> Verdict | None:
        """What follows by now (UTC); None where the experiment goes on."""
        enough = len(self.found) >= self.experiment.min_users
        if enough and self.interval.low > 0:
            return Verdict("promoted", f"promoted by experiment {self.experiment.id}: {self.text}")
        if enough and self.interval.high < 0:
            return Verdict("dropped", f"dropped by experiment {self.experiment.id}: {self.text}")
        if now >= self.experiment.until:
            least = "" if enough else f", fewer than the {self.experiment.min_users:,} that a verdict needs"
            days = f"undecided after {self.experiment.days} days, so the champion stays"
            return Verdict("undecided", f"{days} (experiment {self.experiment.id}): {self.text}{least}")
        return None

    def _back(self, arm: str) -> int:
        return int((self.found.challenger == (arm == CHALLENGER)).sum())

    def _hits(self, arm: str) -> int:
        return int(self.found.hit[self.found.challenger == (arm == CHALLENGER)].sum())


@dataclass(frozen=True)
class Looked:
    """The experiment after a look, and why it is as it is; `ended`: by this look."""

    experiment: Experiment | None
    reason: str
    look: Look | None = None
    ended: bool = False


def look_at(lakehouse: Lakehouse, experiment: Experiment, now: datetime) -> Look:
    """Measure an experiment by now (UTC); nothing is changed. Raises `LakehouseError`, `LedgerError`."""
    every = shown_in(lakehouse, experiment, ["user_id", "variant"])
    users = every.group_by(["user_id", "variant"]).aggregate([])
    exposed = {arm: int(pac.sum(pac.equal(users["variant"], arm)).as_py() or 0) for arm in (CHAMPION, CHALLENGER)}
    found = _outcomes(lakehouse, experiment, now) if len(every) else NOBODY
    interval = difference(found.challenger, found.hit, experiment.share, experiment.alpha)
    return Look(experiment, exposed, found, interval)


def look_and_decide(lakehouse: Lakehouse, registry: MlflowTracking, now: datetime) -> Looked:
    """Look at the experiment that runs, and end it where that is due: promote the challenger, or drop it.

    One that is void is ended, too. Raises `LakehouseError`, `LedgerError`, `ModelStoreError`, `SmokeTestError`,
    `RegistryError`; the experiment goes on then.
    """
    settings, store = lakehouse.settings, serving_store(lakehouse.settings)
    experiment = last_experiment(store)
    if experiment is None:
        return Looked(None, NONE)
    if experiment.outcome is not None:
        told = f"none runs; the last one was {experiment.outcome}: {experiment.reason}"
        return Looked(experiment, told + next_step(store, experiment))
    if why_void(store, experiment):
        return _close(settings, now)
    look = look_at(lakehouse, experiment, now)
    verdict = look.verdict(now)
    if verdict is None:
        return Looked(experiment, f"{described(experiment)} goes on: {look.text}", look)
    ended = end(settings, registry, SERVING_FAMILY, experiment, verdict)
    return Looked(last_experiment(store), verdict.reason + next_step(store, experiment), look, ended)


def next_step(store: ModelStore, ended: Experiment) -> str:
    """What a person may do after an experiment, as the end of a sentence: let the version that waited have its own."""
    waits = who_waits(store, ended.challenger)
    return f". {waits} waits: reco experiment start {waits}" if waits else ""


def _close(settings: Settings, now: datetime) -> Looked:
    """End an experiment whose champion serves no more; one whose challenger serves came to its end, and was killed."""
    with promoting(settings, SERVING_FAMILY):
        store = serving_store(settings)
        experiment = last_experiment(store)
        reason = experiment and experiment.outcome is None and why_void(store, experiment)
        if experiment is None or not reason:
            return Looked(experiment, "another run has ended it")
        serves = store.served()[0] == experiment.challenger
        reason = store.record(experiment.challenger).decision if serves else f"void: {reason}"
        ended = finish(store, experiment, "promoted" if serves else "void", reason, now)
        return Looked(ended, reason + next_step(store, ended), ended=True)


def _outcomes(lakehouse: Lakehouse, experiment: Experiment, now: datetime) -> Outcomes:
    waiting = _waiting(lakehouse)
    said = _within(lakehouse, experiment.started, now, waiting)
    users = pac.unique(said["user_id"]).cast(pa.int32())
    shown = shown_in(lakehouse, experiment, list(SHOWN), users)
    after = after_exposure(said, shown)
    hits = _first_of_pairs(lakehouse, hits_among(after, shown, experiment.liked), waiting)
    return outcomes(after, hits, timedelta(days=experiment.window_days), pac.max(said["rating_ts"]).as_py())


def _within(lakehouse: Lakehouse, start: datetime, now: datetime, waiting: pa.Table) -> pa.Table:
    """All ratings from a moment until now (UTC), those that wait for a training among them.

    One of the future, as of a clock that is ahead, would end the windows of all.
    """
    moments = [pa.scalar(each, pa.timestamp("us", tz="UTC")) for each in (start, now)]
    during = (pac.field("rating_ts") >= moments[0]) & (pac.field("rating_ts") <= moments[1])
    kept = during & ~pac.field("origin").isin(_out(lakehouse))
    parts = [lakehouse.dataset(name).to_table(columns=list(SAID), filter=kept) for name in _sides(lakehouse)]
    return pa.concat_tables([*parts, waiting.filter(during)], promote_options="permissive")


def _sides(lakehouse: Lakehouse) -> list[str]:
    return [spec.name for spec in SPLITS if lakehouse.exists(spec.name)]


def _out(lakehouse: Lakehouse) -> pa.Array:
    """The batches that were withdrawn, whose rows stay until the next merge."""
    return pa.array([*withdrawn(lakehouse.root)], pa.string())


def _waiting(lakehouse: Lakehouse) -> pa.Table:
    """The ratings that wait for a training."""
    if not lakehouse.exists(STREAM_RATINGS.name):
        types = zip(SAID, (pa.int32(), pa.int32(), pa.float32(), pa.timestamp("us", tz="UTC")), strict=True)
        return pa.schema(list(types)).empty_table()
    batches = waiting_batches(lakehouse)
    return batch_rows(lakehouse, STREAM_RATINGS.name, batches, list(SAID), good_rows(lakehouse.root, batches))


def _first_of_pairs(lakehouse: Lakehouse, hits: pa.Table, waiting: pa.Table) -> pa.Table:
    """Those that are the user's first rating of the movie: who rated it before the list doesn't owe it to that."""
    if not len(hits):
        return hits
    columns, pairs, out = [*PAIR, "rating_ts"], hits.select(PAIR), _out(lakehouse)
    held = [rows_held(lakehouse, name, pairs, [*columns, "origin"]) for name in _sides(lakehouse)]
    count = [rows.filter(pac.invert(pac.is_in(rows["origin"], out))).select(columns) for rows in held]
    known = pa.concat_tables([*count, waiting.select(columns), hits.select(columns)], promote_options="permissive")
    first = known.group_by(PAIR).aggregate([("rating_ts", "min")]).rename_columns([*PAIR, "first_ts"])
    told = hits.join(first, keys=PAIR)
    return told.filter(pac.equal(told["rating_ts"], told["first_ts"])).select(hits.column_names)
