"""A progress bar over the steps of a run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from reco_assets.running import Outcome, materialize_assets
from resources.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterEvent

CONSOLE = Console(stderr=True)


def run_with_progress(
    settings: Settings, assets: Sequence[str], title: str, config: Mapping[str, Mapping[str, Any]] | None = None
) -> Outcome:
    """Materialise assets under a progress bar that names the step at work. Raises `RunFailedError`."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=CONSOLE) as progress:
        task = progress.add_task(title, total=len(assets))
        made: set[str] = set()

        def listen(step: str, event: "DagsterEvent") -> None:
            if event.is_step_start:
                progress.update(task, description=f"{title}: {step.replace('__', '/')}")
            if event.is_step_materialization and event.asset_key is not None:
                made.add(event.asset_key.to_user_string())
                progress.update(task, completed=len(made))

        outcome = materialize_assets(settings, assets, listen, config)
        progress.update(task, description=title)
    return outcome
