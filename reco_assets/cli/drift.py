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
    """Let all past batches arrive again, in order, and show what each policy would have done.

    Every batch is compared with one and the same model: nothing is retrained, so the model that a policy would have
    had by then is not there to compare with.
    """
    from rich.console import Console
    from rich.table import Table

    from reco_assets.drift.assessment import assess
    from reco_assets.drift.inputs import drift_inputs, reference_of
    from reco_assets.drift.policy import DriftConfig
    from reco_assets.drift.replay import POLICIES, replay
    from reco_assets.drift.reports import ReportError
    from reco_assets.models.store import find_current_model, model_store
    from reco_assets.streaming.receipts import receipts
    from resources.lakehouse import Lakehouse
    from resources.session import Engine
    from resources.settings import load_settings

    settings = load_settings()
    received, config = receipts(settings.root), DriftConfig.from_settings(settings)
    if not received:
        raise ReportError(
            f"No batch was taken in yet. Copy a CSV file to {settings.landing} and run: reco stream process."
        )
    if model is None:
        find_current_model(settings)
    version = model or str(model_store(settings).champion())
    lakehouse = Lakehouse(settings, Engine(settings))
    reference = reference_of(lakehouse, version)
    table = Table(
        "batch", "file", "rows", "policy", "waiting", "score", "p-value", "verdict", title=f"Against {version}"
    )
    counts = dict.fromkeys(POLICIES, 0)
    for step in replay(received, lambda pool: assess(drift_inputs(lakehouse, reference, pool), config)):
        counts[step.policy] += step.retrained
        document = step.report.document
        p_value = document["data_drift"].get("p_value")
        table.add_row(
            step.receipt.batch[:12],
            step.receipt.source,
            f"{step.receipt.good:,}",
            step.policy,
            str(step.waiting),
            f"{document['drift_score']:.2f}",
            "" if p_value is None else f"{p_value:.3f}",
            ("RETRAIN: " if step.retrained else "") + ", ".join(step.reasons),
        )
    console = Console()
    console.print(table)
    for policy, count in counts.items():
        console.print(f"{policy}: {count} retraining(s) in {len(received)} batch(es)")
