"""The experiment of a family: `experiment.json` beside `champion.json`, replaced in one step, says all of it.

There is one at a time. One whose champion serves no more is over, whatever the file says: nobody compares with it.
"""

import zlib
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from reco_assets.models.versions.files import ModelStoreError, required_files
from reco_assets.models.versions.folders import missing_files
from reco_assets.models.versions.store import ModelStore
from reco_assets.statistics import xxhash64
from resources.documents import DocumentError, read_document
from resources.files import write_json
from resources.paths.identifiers import Identifier
from resources.settings.experiments import LEAST_SHARE, ExperimentSettings, can_be_drawn

EXPERIMENT_FILE = "experiment.json"
STAMP = "%Y-%m-%dT%H:%M:%SZ"
PARTS = 10_000  # that users are drawn into, so a share holds to four digits

Outcome = Literal["promoted", "dropped", "undecided", "stopped", "void"]


@dataclass(frozen=True)
class Experiment:
    """Who is compared with whom, on which share of users, by which rules; `outcome` and why, once it is over.

    The rules are those of its start: changed on the way, they would be chosen by what was seen.
    """

    id: Identifier
    champion: Identifier
    challenger: Identifier
    share: Annotated[float, Field(gt=0, lt=1)]
    started_ts: str
    days: Annotated[int, Field(ge=1)]
    window_days: Annotated[float, Field(ge=0)]
    liked: float
    min_users: Annotated[int, Field(ge=1)]
    alpha: Annotated[float, Field(gt=0, lt=1)]
    champion_since: str = ""  # when it had been promoted; empty: not known
    ended_ts: str = ""
    outcome: Outcome | None = None
    reason: str = ""

    @property
    def started(self) -> datetime:
        """When it began, UTC."""
        return datetime.strptime(self.started_ts, STAMP).replace(tzinfo=UTC)

    @property
    def until(self) -> datetime:
        """When it ends at the latest, UTC."""
        return self.started + timedelta(days=self.days)

    @property
    def salt(self) -> int:
        """The second number of the hash that draws users, int32: another experiment draws others."""
        return int(np.uint32(zlib.crc32(self.id.encode())).view(np.int32))

    @property
    def parts(self) -> int:
        """How many of the `PARTS` parts of users are the challenger's."""
        return round(self.share * PARTS)

    def draws(self, user_id: np.ndarray) -> np.ndarray:
        """Whether each user (n,) int32 gets the challenger's lists: (n,) bool, the same at every time."""
        salted = np.full(len(user_id), self.salt, np.int32)
        drawn: np.ndarray = xxhash64(user_id.astype(np.int32), salted) % PARTS < self.parts
        return drawn


def last_experiment(store: ModelStore) -> Experiment | None:
    """The experiment that began last, whatever became of it; None before the first. Raises `ModelStoreError`."""
    try:
        found = read_document(store.folder / EXPERIMENT_FILE, Experiment)
        found.started  # noqa: B018  a time that is none is damage, too
    except FileNotFoundError:
        return None
    except (DocumentError, ValueError) as error:
        raise ModelStoreError(
            f"{store.folder / EXPERIMENT_FILE} is damaged: {error}. Remove it: the champion serves everyone then, and "
            "another experiment can begin (reco experiment start)."
        ) from None
    return found


def running_experiment(store: ModelStore) -> Experiment | None:
    """The experiment whose lists users get now; None where there is none, or it is void. Raises `ModelStoreError`."""
    found = last_experiment(store)
    return found if found and found.outcome is None and why_void(store, found) is None else None


def why_void(store: ModelStore, experiment: Experiment) -> str | None:
    """Why an experiment can't go on; None where it can."""
    serves = store.served()[0]
    if serves != experiment.champion:
        return f"{serves or 'no version'} serves by now, and it compared with {experiment.champion}"
    if experiment.champion_since not in ("", store.serves_since()):
        return f"{serves} serves again, and others got their lists from another version in between"
    if missing := missing_files(store.path(experiment.challenger), required_files(store.family)):
        return f"{experiment.challenger} lacks {', '.join(missing)}"
    return None


def begin(store: ModelStore, challenger: str, settings: ExperimentSettings, now: datetime) -> Experiment:
    """Let a share of users get a version's lists from the next publication on.

    Whoever calls holds the champion's lock. Raises `ModelStoreError` where one runs, nothing serves, the version serves
    already or is damaged, nobody would be drawn, or nobody's window be over at the end.
    """
    champion = require_champion(store)
    if champion == challenger:
        raise ModelStoreError(f"{challenger} serves already. Compare it with another: reco model list.")
    if running := running_experiment(store):
        raise ModelStoreError(f"{described(running)} runs, and there is one at a time. End it: reco experiment stop.")
    try:
        share = round(can_be_drawn(settings.share), 4)
    except ValueError as error:
        raise ModelStoreError(f"The share of users must be {error}.") from None
    if not share:
        raise ModelStoreError(
            "EXPERIMENT_SHARE is 0, so nobody would get the challenger's lists. Say how many are to: --share 0.2 (from "
            f"{LEAST_SHARE} to {1 - LEAST_SHARE})."
        )
    if settings.window_days >= settings.days:
        raise ModelStoreError(
            f"EXPERIMENT_WINDOW_DAYS is {settings.window_days:g}, so nobody would be done within {settings.days} days. "
            f"Give it longer (--days {settings.window_days * 4:.0f}), or a shorter window."
        )
    store.verify(challenger)
    terms = {name: getattr(settings, name) for name in ("days", "window_days", "liked", "min_users", "alpha")}
    since = store.serves_since()
    made = Experiment(
        f"{now:%Y%m%d_%H%M%S}", champion, challenger, share, f"{now:{STAMP}}", **terms, champion_since=since
    )
    write_json(store.folder / EXPERIMENT_FILE, asdict(made))
    return made


def require_champion(store: ModelStore) -> str:
    """The version that serves. Raises `ModelStoreError` where none does: there is nothing to compare with."""
    champion = store.champion()
    if champion is None:
        raise ModelStoreError("Nothing serves yet, so there is nothing to compare with. Train a version: reco train.")
    return champion


def finish(store: ModelStore, experiment: Experiment, outcome: Outcome, reason: str, now: datetime) -> Experiment:
    """Write what became of an experiment; from the next publication on everyone gets the champion's lists."""
    ended = replace(experiment, outcome=outcome, reason=reason, ended_ts=f"{now:{STAMP}}")
    write_json(store.folder / EXPERIMENT_FILE, asdict(ended))
    return ended


def described(experiment: Experiment) -> str:
    """The experiment in words."""
    return (
        f"Experiment {experiment.id} ({experiment.challenger} for {experiment.share * 100:g}% of users, "
        f"{experiment.champion} for the rest, until {experiment.until:%Y-%m-%d} at the latest)"
    )
