"""What a training shows of itself: a bar where somebody watches, a line for each epoch elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from reco_assets.models.ncf.training import Epoch


@contextmanager
def shown() -> Iterator[Callable[["Epoch"], None]]:
    """What is to be told of each epoch, while it shows them on standard error."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if not console.is_terminal:
        yield lambda epoch: console.print(f"epoch {epoch.number} of {epoch.total}: {_said(epoch)}", markup=False)
        return
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, int] = {}

        def show(epoch: "Epoch") -> None:
            task = tasks.setdefault(epoch.stage, len(tasks))
            if task not in progress.task_ids:
                progress.add_task(epoch.stage)
            progress.update(
                progress.task_ids[task], description=_said(epoch), completed=epoch.number, total=epoch.total
            )

        yield show


def _said(epoch: "Epoch") -> str:
    validated = f", validation NDCG@10 {epoch.ndcg:.4f}" if epoch.ndcg is not None else ""
    return f"{epoch.stage}, loss {epoch.loss:.4f}{validated}"
