"""`reco drift`: what the policies make of the batches that came in so far."""

from typing import Annotated

import typer

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
    from itertools import groupby

    from rich.table import Table

    from reco_assets.batches.receipts import receipts
    from reco_assets.cli.terminal import add_row, console
    from reco_assets.drift.inputs import arrived, batch_cells, reference_of
    from reco_assets.drift.policy import DriftConfig
    from reco_assets.drift.replay import POLICIES, RULES, replay
    from reco_assets.drift.reports import ReportError
    from reco_assets.models.versions.store import find_current_model, model_store
    from resources.engine import Engine
    from resources.settings import load_settings
    from resources.tables.lakehouse import Lakehouse

    settings = load_settings()
    received, config = receipts(settings.storage.root), DriftConfig.from_settings(settings)
    if not received:
        raise ReportError(
            f"No batch was taken in yet. Copy a CSV file to {settings.storage.landing} and run: reco stream process."
        )
    if model is None:
        find_current_model(settings)
    version = model or str(model_store(settings).champion())
    lakehouse = Lakehouse(settings, Engine(settings))
    reference = reference_of(lakehouse, version)
    ways = [(policy, rule) for policy in POLICIES for rule in RULES]
    table = Table(title=f"Against {version}: score, batches of the window of those that wait, verdict")
    for name in ("file", "rows"):
        table.add_column(name, overflow="fold")
    for way in ways:
        table.add_column(", ".join(way))
    counts = dict.fromkeys(ways, 0)
    files = {receipt.batch: receipt.source for receipt in received}
    steps = replay(
        arrived(received),
        lambda arrival, position: batch_cells(lakehouse, reference.model, [arrival], position),
        reference.cells,
        config,
    )
    for arrival, taken in groupby(steps, key=lambda step: step.arrival):
        cells = []
        for step in taken:
            counts[step.policy, step.rule] += step.retrained
            said = "RETRAIN" if step.retrained else step.verdict.reasons[0].replace("_", " ")
            cells.append(f"{step.verdict.score:.2f} ({step.batches} of {step.waiting}) {said}")
        add_row(table, files[arrival.batch], f"{arrival.train + arrival.test:,}", *cells)
    shown = console()
    shown.print(table)
    for (policy, rule), count in counts.items():
        shown.print(f"{policy}, {rule}: {count} retraining(s) in {len(received)} batch(es)")
