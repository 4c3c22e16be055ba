"""`reco validate`: the documented report of what is there, layer by layer."""

import typer


def validate() -> None:
    """Check that raw files, tables, reports, models and metrics exist; exit 1 when something required is missing."""
    from reco_assets.tasks.layers_there import validation_report
    from resources.settings import load_settings

    report = validation_report(load_settings())
    typer.echo(report.text)
    raise typer.Exit(0 if report.passed else 1)
