"""`reco drift`: what the policies make of the batches that came in so far."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reco_assets.drift.replay import Step

app = typer.Typer(help="Look at drift policies.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look at drift policies."""


@app.command()
def replay(
    model: Annotated[str | None, typer.Option(help="The version to compare with.", show_default="the champion")] = None,
) -> None:
    """Let all past batches arrive again, in order, and show what each policy would have done: with windows, and with
    all that waits as the only one.

    Every batch is compared with one and the same model: nothing is retrained, so the model that a policy would have
    had by then is not there to compare with.
    """
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console
    from reco_assets.drift.past_batches import WAYS, past_batches
    from resources.settings import load_settings

    past = past_batches(load_settings(), model)
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


def _cell(step: "Step") -> str:
    from reco_assets.drift.document import in_short
    from reco_assets.drift.policy import Reason

    deciding = step.verdict.reasons[:1]
    said = in_short(deciding)
    if step.retrained:
        said = "RETRAIN" if deciding[0] == Reason.DRIFT_ABOVE_THRESHOLD else f"RETRAIN: {said}"
    return f"{step.verdict.score:.2f} ({step.batches} of {step.waiting}) {said}"
