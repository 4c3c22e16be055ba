"""`reco demo`: the main job, then the drift loop with Dagster's web server, daemon and sensors really running."""

from functools import partial
from typing import Annotated

import typer

from reco_assets.cli.options import ReplaceOption, replacing

QUALITY_REPORT = "quality/report"
NEXT_STEPS = """
What next:
  make dev             Dagit at http://127.0.0.1:3000, with this run, its tables and the sensors
  reco status          who serves and why, what waits, what failed: one screen
  the tables' quality  {report}
  new ratings          drop a CSV file DATE,CUST_ID,MOVIE_ID,RATING into {landing}
                       while Dagit runs
  real ratings         reco data fetch ml-latest-small, then the demo again with --replace-source
  your own             docs/sources.md"""


def demo(
    *,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Where there are no ratings yet and no source is set, invent some.")
    ] = False,
    replace_source: ReplaceOption = False,
) -> None:
    """Run the main job, then show the drift loop: a control file, a shifted file, a retrained model."""
    from reco_assets.cli.progress import job_with_progress, run_with_progress
    from reco_assets.cli.serving import print_recommendations
    from reco_assets.cli.summary import print_summary
    from reco_assets.pipelines.documented import RECO_PIPELINE
    from reco_assets.runner.demo import demo_settings, show_loop

    settings = demo_settings(synthetic, partial(typer.echo, err=True))
    outcome = job_with_progress(settings, RECO_PIPELINE, replacing(replace_source))
    print_summary(settings, outcome)
    print_recommendations(settings, user=None)
    report = run_with_progress(settings, [QUALITY_REPORT], "quality report").metadata[QUALITY_REPORT]["path"]
    show_loop(settings, typer.echo)
    typer.echo(NEXT_STEPS.format(report=report, landing=settings.storage.landing))
