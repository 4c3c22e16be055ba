"""Alerts on files that are not taken: each file is told once to each channel, with its reason and since when.

The cursor holds what was told, so that neither a tick nor a restart tells it again; what a channel did not take is
told at a later tick.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from reco_assets.streaming.not_taken import NotTaken, files_not_taken, refused_files
from resources.calls.channels import Channel
from resources.calls.slack import escaped
from resources.paths.own_folders import StrangeFolderError
from resources.settings import Settings

NAME = "on_file_not_taken"
INTERVAL_SECONDS = 15
NAMED_FILES = 10


@dataclass(frozen=True)
class Told:
    """What the sensor remembers: of each file by name its inode, when it was first seen there and not taken (Unix
    seconds), and whether it was told; and up to when refused files were (Unix nanoseconds).
    """

    files: Mapping[str, tuple[int, float, bool]]
    refused_ns: int


def due(told: Told, seen: Sequence[NotTaken], wait_seconds: float, now: float) -> tuple[list[NotTaken], Told]:
    """The files to tell of now, and what to remember once they are told: lasting ones at once, others after a wait."""
    files, tell = dict[str, tuple[int, float, bool]](), list[NotTaken]()
    for file in seen:
        inode, since, was_told = told.files.get(file.name, (file.inode, now, False))
        if inode != file.inode:
            since, was_told = now, False
        if not was_told and (file.lasting or now - since >= wait_seconds):
            tell.append(file)
            was_told = True
        files[file.name] = (file.inode, min(since, now), was_told)
    return tell, Told(files, told.refused_ns)


def message(files: Sequence[NotTaken]) -> str:
    """One alert on these files."""
    lines = [f"• {escaped(str(file))}" for file in files[:NAMED_FILES]]
    more = [f"and {len(files) - NAMED_FILES:,} more"] if len(files) > NAMED_FILES else []
    return "\n".join([f":inbox_tray: {len(files):,} file(s) of the streaming folder are not taken in", *lines, *more])


def landing_alert_sensor(settings: Settings, channel: Channel) -> dg.SensorDefinition:
    """The sensor that tells of files that are not taken, on by default."""

    @dg.sensor(
        name=f"{channel.name}_{NAME}",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells once of every file of the streaming folder that is not taken, and why.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        before = load(context.cursor)
        try:
            seen = files_not_taken(settings.storage.root, settings.storage.landing)
        except StrangeFolderError as error:
            return dg.SensorResult(skip_reason=str(error), cursor=context.cursor)
        refused = refused_files(settings.storage.landing, before.refused_ns)
        tell, told = due(before, seen, settings.streaming.alert_seconds, time.time())
        tell += refused
        if tell and not channel.post(message(tell)):
            reason = f"{channel.label} did not take an alert; it is sent again at the next tick."
            return dg.SensorResult(cursor=dump(unsent(told, tell)), skip_reason=reason)
        newest = max([before.refused_ns, *(file.since_ns for file in refused)])
        return dg.SensorResult(cursor=dump(Told(told.files, newest)), skip_reason=f"{len(tell)} files told.")

    return sensor


def unsent(told: Told, files: Sequence[NotTaken]) -> Told:
    """What to remember where these files could not be told: when they were first seen, but not that they were told."""
    names = {file.name for file in files}
    return Told({n: (i, since, done and n not in names) for n, (i, since, done) in told.files.items()}, told.refused_ns)


def dump(told: Told) -> str:
    """What the sensor remembers, as its cursor."""
    return json.dumps({"files": told.files, "refused_ns": told.refused_ns})


def load(cursor: str | None) -> Told:
    """What the last tick remembered; at the first tick nothing was told yet."""
    found = json.loads(cursor or '{"files": {}, "refused_ns": 0}')
    return Told({name: (each[0], each[1], each[2]) for name, each in found["files"].items()}, found["refused_ns"])
