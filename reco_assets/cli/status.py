"""`reco status`: one screen that says how the platform is."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from reco_assets.cli.options import JsonOption

Section = Mapping[str, Any]

SHOWN_FILES = 5


def status(*, json: JsonOption = False) -> None:
    """Show who serves and why, how fresh the lists are, what waits, what failed last, and whether anyone watches."""
    import time

    from rich.table import Table

    from reco_assets.cli.summary import add_row, console, say
    from reco_assets.monitoring.figures import Place
    from reco_assets.monitoring.status import status as read
    from resources.dagster_home import open_instance
    from resources.settings import load_settings

    with open_instance() as instance:
        found = read(Place(load_settings(), instance, time.time()))
    if json:
        say(found)
        return
    shown = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")  # a path that is cut short can't be opened
    for name, words in WORDS.items():
        section = found[name]
        told = [f"can't be read: {section['error']}"] if "error" in section else list(words(section))
        for title, line in zip([name.replace("_", " "), *[""] * len(told)], told, strict=False):
            add_row(shown, title, line)
    console().print(shown)


def _platform(of: Section) -> Iterator[str]:
    yield from (of["source"], f"engine {of['engine']}, lakehouse {of['lakehouse']}")


def _champion(of: Section) -> Iterator[str]:
    if not of:
        yield "none yet: reco etl, then reco train"
        return
    yield f"{of['version']}, since {_when(of['since'])}" if of["since"] else of["version"]
    yield of["why"] or "it was not judged"
    if "experiment" in of:
        yield f"{of['experiment']} runs: reco experiment status"
    if "trained_on_withdrawn" in of:
        yield of["trained_on_withdrawn"]


def _lists(of: Section) -> Iterator[str]:
    if not of:
        yield "none yet: reco train"
    elif "made" in of:
        by = f"{of['version']} and its challenger {of['challenger']}" if "challenger" in of else of["version"]
        yield f"of {of['users']:,} users, by {by}, made {_when(of['made'])}"
    else:
        yield "nobody has one: no version serves yet"


def _batches(of: Section) -> Iterator[str]:
    if of["waiting"]:
        yield f"{of['waiting']:,} wait for training with {of['ratings']:,} ratings"
        yield f"the oldest since {_when(of['since'])}"
    else:
        yield "none waits for training"
    if "withdrawn" in of:
        yield f"{of['withdrawn']:,} withdrawn: reco stream list"


def _files(of: Section) -> Iterator[str]:
    yield f"{of['waiting']:,} in {of['folder']}, {of['refused']:,} refused"
    yield from (f"not taken: {line}" for line in of["not_taken"][:SHOWN_FILES])
    if (more := len(of["not_taken"]) - SHOWN_FILES) > 0:
        yield f"and {more:,} more that are not taken; --json shows all"


def _drift(of: Section) -> Iterator[str]:
    if not of:
        yield "no report yet: it follows the first file in the streaming folder"
        return
    from reco_assets.cli.summary import number

    verdict = "calls for retraining" if of["should_retrain"] else "calls for nothing"
    yield f"score {number(of['score'], 2)}, {verdict}, {_when(of['made'])}"
    yield from (of["reason"], of["page"])


def _last_failed_run(of: Section) -> Iterator[str]:
    if not of:
        yield "none"
        return
    yield f"{of['job']}, run {of['run_id']}" + (f", {_when(of['ended'])}" if "ended" in of else "")
    yield of["why"]


def _daemon(of: Section) -> Iterator[str]:
    if "heard" in of:
        yield f"{'alive' if of['alive'] else 'dead'}, last heard {_when(of['heard'])}"
    if not of["alive"]:
        yield of["problem"]


def _alerts(of: Section) -> Iterator[str]:
    yield (
        f"go to {', '.join(of['go_to'])}"
        if of["go_to"]
        else "nobody hears of failures: set ALERT_URLS, or Slack's or mail's settings"
    )


def _when(moment: str) -> str:
    """A moment and how long ago it was, in its largest whole unit."""
    at = datetime.fromisoformat(moment)
    seconds = max(0, int((datetime.now(UTC) - at).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{at:%Y-%m-%d %H:%M} UTC ({seconds // length} {unit} ago)"
    return f"{at:%Y-%m-%d %H:%M} UTC ({seconds} s ago)"


WORDS: Mapping[str, Callable[[Section], Iterator[str]]] = {
    "platform": _platform,
    "champion": _champion,
    "lists": _lists,
    "batches": _batches,
    "files": _files,
    "drift": _drift,
    "last_failed_run": _last_failed_run,
    "daemon": _daemon,
    "alerts": _alerts,
}
