"""Hands a model version from asset to asset, within a run and between runs, as a small JSON file."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from resources.documents import DocumentError, read_document
from resources.files import write_json
from resources.identifiers import Identifier
from resources.tables.files import LakehouseError
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pathlib import Path

RUNS_KEPT = 100
LOCK = "gold/_versions"


@dataclass(frozen=True)
class _Handed:
    """A version, and by run the one that each recent run made."""

    version: Identifier
    runs: dict[str, Identifier] = field(default_factory=dict)


class VersionIOManager(dg.IOManager):
    """Keeps the string an asset returns in `gold/_versions/<asset>.json`: what it was last, and in each recent run.

    Runs that train at the same time go on with their own version each.
    """

    def __init__(self, lakehouse: Lakehouse) -> None:
        self._lakehouse = lakehouse

    def handle_output(self, context: dg.OutputContext, obj: str) -> None:
        """Remember the version."""
        context.step_context.set_data_version(context.asset_key, dg.DataVersion(obj))
        path = self._path(context.asset_key)
        with self._lakehouse.lock(LOCK):
            known = _read(path)
            runs = {**(known.runs if known else {}), context.run_id: obj}
            write_json(path, {"version": obj, "runs": dict(list(runs.items())[-RUNS_KEPT:])})

    def load_input(self, context: dg.InputContext) -> str:
        """The version that the asset returned in this run or, if it wasn't made in it, in the run that this one
        repeats, or else last. Raises `LakehouseError` when it never was.
        """
        known = _read(self._path(context.asset_key))
        if known is None:
            raise LakehouseError(f"Asset {context.asset_key.to_user_string()} was never materialized. Run: reco train.")
        run, runs = context.step_context.dagster_run, known.runs
        repeated = (run.run_id, *(run.tags.get(tag) for tag in ("dagster/parent_run_id", "dagster/root_run_id")))
        return str(next((runs[run_id] for run_id in repeated if run_id in runs), known.version))

    def _path(self, key: dg.AssetKey) -> "Path":
        return self._lakehouse.path("gold", "_versions", f"{key.path[-1]}.json")


def _read(path: "Path") -> _Handed | None:
    """The file's content; None where there is none. Raises `LakehouseError`."""
    try:
        return read_document(path, _Handed)
    except FileNotFoundError:
        return None
    except DocumentError as error:
        raise LakehouseError(f"{error}. Remove the file and train again: reco train.") from None
