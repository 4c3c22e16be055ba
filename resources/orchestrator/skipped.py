"""What a run that finds nothing to do leaves for people: its reason, in its log and in Dagit's list of runs."""

import dagster as dg

SKIPPED_TAG = "reco/skipped"


def say_skipped(context: dg.AssetExecutionContext, reason: str) -> None:
    """Say why the run makes nothing."""
    context.log.info(f"Skipped: {reason}")
    context.instance.add_run_tags(context.run_id, {SKIPPED_TAG: reason})
