"""What `--select` may say, in the words of `dagster asset materialize`: keys, and what they are made of or lead to."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import dagster as dg

from resources.errors import RecoError
from resources.orchestrator.dagster_private import AssetGraph, AssetNode

LAYERS = "+*"


class RunRequestError(RecoError):
    """What was asked for cannot be run: an asset or step that is not there, or configuration that does not fit it."""


def selected_assets(graph: AssetGraph, parts: Sequence[str]) -> list[AssetNode]:
    """The assets that any part selects, in the order of the graph.

    A part is a key with slashes. `+` before it adds the assets it is made from, `*` all that those are made from, and
    so on; behind it, those made from it. Anything else that Dagster's selections know is taken too, such as
    `kind:delta`. Raises `RunRequestError`.
    """
    materializable = graph.materializable_asset_keys
    known = {key.to_user_string() for key in materializable}
    chosen: set[dg.AssetKey] = set()
    for part in map(str.strip, parts):
        name = part.strip(LAYERS)
        if name not in known and ":" not in name and part != "*":
            raise RunRequestError(f"There is no asset {name!r}. {nearest(name, known)}")
        chosen |= _resolved(graph, part)
    return [graph.get(key) for key in graph.toposorted_asset_keys if key in chosen & materializable]


def nearest(name: str, known: Iterable[str]) -> str:
    """What a misspelt name may have meant, else all that there is."""
    names = sorted(known)
    near = get_close_matches(name, names)
    return f"The nearest: {', '.join(near)}." if near else f"There are: {', '.join(names)}."


def _resolved(graph: AssetGraph, part: str) -> set[dg.AssetKey]:
    try:
        found = set(dg.AssetSelection.from_string(part).resolve(graph))
    except dg.DagsterError as error:
        raise RunRequestError(f"{part!r} is no selection of assets: {str(error).splitlines()[0]}") from None
    if not found:
        raise RunRequestError(f"{part!r} selects no asset.")
    return found
