"""Edges between tasks as the lines that Airflow's `>>` writes them in."""

from collections.abc import Sequence

from reco_assets.airflow_export.code import INDENT, LINE_LENGTH

Edges = Sequence[tuple[str, str]]
Link = str | tuple[str, ...]


def flow_lines(tasks: Sequence[str], edges: Edges) -> list[str]:
    """The statements, one per chain, indented for the body of a `with` block but for their first lines."""
    return [_statement(chain) for chain in (*_chains(tasks, _outside_joins(edges)), *_joins(edges))]


def _joins(edges: Edges) -> list[list[Link]]:
    """Tasks that several others lead to: `[a, b] >> c`."""
    upstream: dict[str, list[str]] = {}
    for source, target in edges:
        upstream.setdefault(target, []).append(source)
    return [[tuple(sources), target] for target, sources in upstream.items() if len(sources) > 1]


def _outside_joins(edges: Edges) -> Edges:
    joined = {chain[-1] for chain in _joins(edges)}
    return [(source, target) for source, target in edges if target not in joined]


def _chains(tasks: Sequence[str], edges: Edges) -> list[list[Link]]:
    """`a >> b >> [c, d]`: from each task on, as long as one follows one, to the first fork."""
    downstream: dict[str, list[str]] = {}
    for source, target in edges:
        downstream.setdefault(source, []).append(target)
    chains: list[list[Link]] = []
    for task in tasks:
        chain: list[Link] = [task]
        while targets := downstream.pop(str(chain[-1]), None):
            chain.append(targets[0] if len(targets) == 1 else tuple(targets))
        if len(chain) > 1:
            chains.append(chain)
    return chains


def _statement(chain: Sequence[Link]) -> str:
    links = [link if isinstance(link, str) else f"[{', '.join(link)}]" for link in chain]
    one_line = " >> ".join(links)
    if len(INDENT) + len(one_line) <= LINE_LENGTH:
        return one_line
    if isinstance(chain[0], tuple):
        tasks = "".join(f"{INDENT * 2}{task},\n" for task in chain[0])
        return " >> ".join([f"[\n{tasks}{INDENT}]", *links[1:]])
    return f"(\n{INDENT * 2}" + f"\n{INDENT * 2}>> ".join(links) + f"\n{INDENT})"
