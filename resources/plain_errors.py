"""What went wrong in one line, whatever raised it: what a person can do, where that is known."""

import errno
import os
import re
import sqlite3

from resources.errors import ForeignError, RecoError
from resources.text.masking import masked
from resources.text.plain_text import printable

NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
NO_RIGHT = {errno.EACCES, errno.EPERM, errno.EROFS}
IN_THE_WAY = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
# What parquet readers and table logs say of files that are cut off or hold something else.
DAMAGED = (
    "parquet",
    "magic bytes",
    "snappy",
    "thrift",
    "kernel error",
    "delta log",
    "delta table",
    "log segment",
    "_delta_log",
    "corrupt",
    "object at location",
)
# What delta-rs, Sail and Arrow say of object storage, in lines that they draw as a tree, with colours; Spark says it in
# the second of many.
OBJECT_STORAGE = re.compile(
    r"Generic S3 error|AWS Error|Error performing [A-Z]+ http|an error occurred while loading cred|hadoop\.fs\.s3a\."
)
_OF_JAVA = re.compile(r"An error occurred while calling \S+\n: (?P<said>.*)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LONGEST = 400
# How Python and Rust write an error of the operating system into a message.
SYSTEM = re.compile(r"\[Errno (?P<python>\d+)\] [^:]*(?:: '(?P<place>[^']*)')?|\(os error (?P<rust>\d+)\)")


def explain(error: BaseException) -> str:
    """One line on an error: the message of our own ones, else what it means."""
    if isinstance(error, ForeignError) and error.__cause__:
        return explain(error.__cause__)
    if isinstance(error, RecoError):
        return "\n".join(map(printable, str(error).splitlines()))
    if isinstance(error, OSError) and error.errno is not None:
        return _of_system(error)
    return explain_text(type(error).__name__, str(error), isinstance(error, sqlite3.Error))


def explain_text(name: str, message: str, database: bool = False) -> str:
    """The same of an error that is known by its class and message alone, as a run records it."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    told = printable(masked(lines[0]))[:LONGEST] if lines else name
    if object_storage := of_object_storage(message):
        return object_storage
    if system := SYSTEM.search(message):
        number = int(system["python"] or system["rust"])
        return _of_system(OSError(number, os.strerror(number), system["place"]))
    if database:
        return f"A database of the platform can't be used: {told}."
    if any(sign in message.lower() for sign in DAMAGED):
        return (
            f"A file of a table is damaged or gone: {told}. Bring the table back from a backup, or make it again: "
            "reco etl, then reco train."
        )
    return f"{name}: {told}" if name not in told else told


def of_object_storage(message: str) -> str | None:
    """One line on object storage that is away or refuses, as libraries say it; None for another message."""
    if not OBJECT_STORAGE.search(message):
        return None
    if java := _OF_JAVA.match(message):
        message = java["said"]
    told = printable(masked(" ".join(_COLOUR.sub("", message).replace("↳", "").split())))[:LONGEST]
    return (
        f"Object storage failed: {told}. Check LAKEHOUSE_TABLES_URI, its bucket and what AWS_ENDPOINT_URL, AWS_REGION, "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say; then run it again: what was committed is there still."
    )


def _of_system(error: OSError) -> str:
    place, why = printable(str(error.filename or "a file of the run")), error.strerror or type(error).__name__
    if error.errno in NO_SPACE:
        return f"No space is left to write {place}. Free some, then run it again: what was there before is there still."
    if error.errno in NO_RIGHT:
        return f"{place} may not be read or written by this user ({why}). Give it the right, or choose another path."
    if error.errno in IN_THE_WAY:
        return f"{place} is in the way ({why}): a folder is needed where a file is, or the other way round."
    if error.errno == errno.ENOENT:
        return f"{place} is not there ({why})."
    return f"{place}: {why}."
