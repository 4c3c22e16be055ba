"""`reco demo`: the main job, then the drift loop with Dagster's web server, daemon and sensors really running."""

from functools import partial
from typing import Annotated

import typer

from reco_assets.cli.options import ReplaceOption, replacing


def demo(
    *,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Where there are no ratings yet and no source is set, invent some.")
    ] = False,
    replace_source: ReplaceOption = False,
) -> None:
    """Run the main job, then show the drift loop: a control file, a shifted file, a retrained model."""
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.serving import print_recommendations
    from reco_assets.cli.summary import print_summary
    from reco_assets.pipelines.documented import RECO_PIPELINE
    from reco_assets.runner.demo import demo_settings, show_loop

    settings = demo_settings(synthetic, partial(typer.echo, err=True))
    outcome = run_with_progress(settings, RECO_PIPELINE.assets, "main job", replacing(replace_source))
    print_summary(settings, outcome)
    print_recommendations(settings, user=None)
    show_loop(settings, typer.echo)
