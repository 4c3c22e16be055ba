"""Hands a model version from asset to asset, within a run and between runs, as a small JSON file."""

import json

import dagster as dg

from resources.atomic_files import write_json
from resources.lakehouse import Lakehouse
from resources.table_files import LakehouseError


class VersionIOManager(dg.IOManager):
    """Keeps the string an asset returns in `gold/_versions/<asset>.json`."""

    def __init__(self, lakehouse: Lakehouse) -> None:
        self._lakehouse = lakehouse

    def handle_output(self, context: dg.OutputContext, obj: str) -> None:
        """Remember the version."""
        context.step_context.set_data_version(context.asset_key, dg.DataVersion(obj))
        write_json(self._lakehouse.path("gold", "_versions", f"{context.asset_key.path[-1]}.json"), {"version": obj})

    def load_input(self, context: dg.InputContext) -> str:
        """The version the asset returned last. Raises `LakehouseError` when it never did."""
        name = context.asset_key.path[-1]
        path = self._lakehouse.path("gold", "_versions", f"{name}.json")
        if not path.exists():
            raise LakehouseError(f"Asset {context.asset_key.to_user_string()} was never materialized. Run: reco train.")
        return str(json.loads(path.read_text())["version"])
