"""`reco drift`: what the policies make of the batches that came in so far."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reco_assets.cli.options import JsonOption

if TYPE_CHECKING:
    from reco_assets.drift.past_batches import PastBatches
    from reco_assets.drift.replay import Step

app = typer.Typer(help="Look at drift policies.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look at drift policies."""


@app.command()
def replay(
    model: Annotated[str | None, typer.Option(help="The version to compare with.", show_default="the champion")] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Let all past batches arrive again, in order, and show what each policy would have done: with windows, and with
    all that waits as the only one.

    Every batch is compared with one and the same model: nothing is retrained, so the model that a policy would have
    had by then is not there to compare with.
    """
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console, say
    from reco_assets.drift.past_batches import WAYS, past_batches
    from resources.settings import load_settings

    past = past_batches(load_settings(), model)
    if json:
        say(_document(past))
        return
    table = Table(title=f"Against {past.version}: score, batches of the window of those that wait, verdict")
    for name in ("file", "rows"):
        table.add_column(name, overflow="fold")
    for way in WAYS:
        table.add_column(", ".join(way))
    for arrival in past.arrived:
        add_row(table, arrival.file, f"{arrival.rows:,}", *map(_cell, arrival.steps))
    shown = console()
    shown.print(table)
    for (policy, rule), count in past.retrainings.items():
        shown.print(f"{policy}, {rule}: {count} retraining(s) in {len(past.arrived)} batch(es)")


def _document(past: "PastBatches") -> Mapping[str, Any]:
    arrived = [
        {"file": arrival.file, "rows": arrival.rows, "steps": list(map(_step, arrival.steps))}
        for arrival in past.arrived
    ]
    counted = [
        {"policy": policy, "rule": rule, "retrainings": count} for (policy, rule), count in past.retrainings.items()
    ]
    return {"model_version": past.version, "batches": arrived, "retrainings": counted}


def _step(step: "Step") -> Mapping[str, Any]:
    said = {name: getattr(step, name) for name in ("policy", "rule", "waiting", "batches")}
    return said | {"score": step.verdict.score, "retrain": step.retrained, "reasons": list(step.verdict.reasons)}


def _cell(step: "Step") -> str:
    from reco_assets.drift.document import in_short
    from reco_assets.drift.policy import Reason

    deciding = step.verdict.reasons[:1]
    said = in_short(deciding)
    if step.retrained:
        said = "RETRAIN" if deciding[0] == Reason.DRIFT_ABOVE_THRESHOLD else f"RETRAIN: {said}"
    return f"{step.verdict.score:.2f} ({step.batches} of {step.waiting}) {said}"
