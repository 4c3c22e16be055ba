"""What a tick sees in the streaming folder, and what it remembers of it until the next one.

Whether a file lies still is judged by looks that were made, never by comparing a file's time with the clock.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from drift_sensors.cursors import RetryPolicy
from reco_assets.streaming.claims import claimed_files
from reco_assets.streaming.landing import LandedFile, as_seen, incompleteness, is_said_to_be_complete, landed_files
from reco_assets.streaming.not_taken import NotTaken, count_refused, files_not_taken
from reco_assets.streaming.writers import Look
from resources.settings import Settings

LONGEST_WAIT = 3600.0


@dataclass(frozen=True)
class Watched:
    """A file as the last look saw it; since: the first look that saw it so. tries, tried_at: the runs that were started
    for it as it is, and when the last was. Times in Unix seconds.
    """

    file: LandedFile
    since: float
    tries: int = 0
    tried_at: float = 0.0

    def may_be_tried(self, policy: RetryPolicy, now: float) -> bool:
        """Whether a run may be started for it: one that runs have left behind waits longer each time."""
        wait = min(float(policy.backoff_seconds * 2 ** min(self.tries - 1, 20)), LONGEST_WAIT) if self.tries else 0.0
        return not 0 <= now - self.tried_at < wait


@dataclass(frozen=True)
class Observation:
    """What a tick saw: files to take in, claimed files to go on with, files that may still change, files that runs left
    behind and that wait for their next try, every file that is not taken, and how many were refused.
    """

    complete: tuple[LandedFile, ...] = ()
    claimed: tuple[LandedFile, ...] = ()
    settling: tuple[LandedFile, ...] = ()
    left_behind: tuple[LandedFile, ...] = ()
    not_taken: tuple[NotTaken, ...] = ()
    refused: int = 0


def observe(
    settings: Settings, before: Mapping[str, Watched], policy: RetryPolicy, now: float
) -> tuple[Observation, dict[str, Watched]]:
    """Look at the streaming folder; returns what was seen, and what to remember, by name.

    A file is complete when it is so by `incompleteness`, was the same at a look before, and has been so for the quiet
    period, or its .done says so. At most `intake_max_files` are, and files that are never complete, or that runs leave
    behind, take nobody's place.
    """
    folder, watched = settings.storage.landing, dict[str, Watched]()
    complete, settling, left_behind = list[LandedFile](), list[LandedFile](), list[LandedFile]()
    look = Look()
    for file in landed_files(folder):
        if len(complete) + len(settling) >= settings.streaming.max_files:
            break
        known = _as_known(file, before, now)
        if incompleteness(folder, file, look) is not None:
            continue
        watched[file.name] = known
        quiet = now - known.since >= settings.streaming.quiet_seconds or is_said_to_be_complete(folder, file.name)
        if not known.may_be_tried(policy, now):
            left_behind.append(file)
        elif quiet and file.name in before and before[file.name].file == file:
            complete.append(file)
        else:
            settling.append(file)
    not_taken = files_not_taken(settings.storage.root, folder)
    written = {file.name for file in not_taken if not file.lasting}
    claimed = []
    for file in _claimed(folder):
        watched[file.name] = _as_known(file, before, now)
        if file.name not in written and watched[file.name].may_be_tried(policy, now):
            claimed.append(file)
    found = Observation(
        tuple(complete),
        tuple(claimed),
        tuple(settling),
        tuple(left_behind),
        tuple(not_taken),
        count_refused(folder),
    )
    return found, watched


def started(watched: Mapping[str, Watched], observation: Observation, now: float) -> dict[str, Watched]:
    """What to remember once a run was started for what was observed."""
    names = {file.name for file in (*observation.complete, *observation.claimed)}
    return {
        name: replace(each, tries=each.tries + 1, tried_at=now) if name in names else each
        for name, each in watched.items()
    }


def dump(watched: Mapping[str, Watched]) -> str:
    """What a tick remembers, as the sensor's cursor."""
    return json.dumps({name: _facts(each) for name, each in watched.items()})


def load(cursor: str | None) -> dict[str, Watched]:
    """What the last tick remembered; nothing where it was written by a release that remembered other facts."""
    try:
        return {
            name: Watched(LandedFile(name, *facts[:4]), *facts[4:])
            for name, facts in json.loads(cursor or "{}").items()
            if len(facts) == 7
        }
    except (ValueError, TypeError, AttributeError):
        return {}


def _facts(watched: Watched) -> list[float]:
    file = watched.file
    return [file.size, file.mtime_ns, file.inode, file.ctime_ns, watched.since, watched.tries, watched.tried_at]


def _as_known(file: LandedFile, before: Mapping[str, Watched], now: float) -> Watched:
    known = before.get(file.name)
    # A clock that was set back must not make a file wait for it.
    return known if known is not None and known.file == file and known.since <= now else Watched(file, now)


def _claimed(folder: Path) -> Iterator[LandedFile]:
    for path in claimed_files(folder):
        try:
            yield as_seen(str(path.relative_to(folder)), path.lstat())
        except OSError:  # a run is at work
            continue
