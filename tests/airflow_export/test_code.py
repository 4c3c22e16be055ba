"""Values as source text: what Python reads back, and as ruff would write it."""

import ast
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.airflow_export.code import (
    Call,
    Entries,
    Joined,
    Name,
    as_text,
    below,
    import_lines,
    member,
    names_in,
    source_of,
)
from reco_assets.airflow_export.flow import flow_lines
from reco_assets.airflow_export.spec import DAG_SPECS, DagSpec

BASE = Name("common.config", "BASE")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=PLAIN, depth=st.integers(0, 4))
@settings(max_examples=100, deadline=None)
def test_plain_values_are_read_back_as_they_were(value: Any, depth: int) -> None:
    assert ast.literal_eval(source_of(value, depth)) == value


@given(rest=st.text(alphabet="/ab{}.", max_size=12))
@settings(max_examples=50, deadline=None)
def test_a_path_below_a_name_keeps_its_braces(rest: str) -> None:
    assert eval(source_of(below(BASE, rest)), {"BASE": "/lake"}) == f"/lake{rest}"


def test_numbers_of_the_configuration_become_text() -> None:
    assert source_of(as_text(BASE)) == "str(BASE)"


def test_few_texts_are_joined_at_once_and_many_line_by_line() -> None:
    assert source_of(Joined(("a", "b"))) == '"a,b"'
    many = [f"layer/table_{number}" for number in range(9)]
    source = source_of(Joined(many))
    assert source.count("\n") > len(many)
    assert ast.unparse(ast.parse(source, mode="eval")).startswith("','.join([")
    assert eval(source) == ",".join(many)


def test_entries_of_a_dictionarys_own_win() -> None:
    source = source_of(Entries({"owner": "me"}, spread=(BASE,)))
    assert eval(source, {"BASE": {"owner": "you", "retries": 1}}) == {"owner": "me", "retries": 1}


def test_durations_are_written_in_their_largest_unit() -> None:
    durations = [timedelta(hours=6), timedelta(minutes=5), timedelta(seconds=61)]
    assert source_of(durations) == "[timedelta(hours=6), timedelta(minutes=5), timedelta(seconds=61)]"


def test_what_an_expression_uses_is_imported_once_in_groups() -> None:
    rule = Name("airflow.sdk", "TriggerRule")
    call = Call(
        Name("airflow.sdk", "DAG"), {"wait": timedelta(hours=1), "rule": member(rule, "ALL_DONE")}, spread=(BASE,)
    )
    assert import_lines([*names_in(call), *names_in([as_text(BASE)])]) == [
        "from datetime import timedelta",
        "",
        "from airflow.sdk import DAG, TriggerRule",
        "",
        "from common.config import BASE",
    ]


class Node:
    """Records the edges that `>>` makes, as Airflow's operators do."""

    def __init__(self, name: str, edges: list[tuple[str, str]]) -> None:
        self.name, self.edges = name, edges

    def __rshift__(self, other: "Node | list[Node]") -> "Node | list[Node]":
        for target in other if isinstance(other, list) else [other]:
            self.edges.append((self.name, target.name))
        return other

    def __rrshift__(self, others: "Iterable[Node]") -> "Node":
        for source in others:
            self.edges.append((source.name, self.name))
        return self


@pytest.mark.parametrize("spec", DAG_SPECS, ids=lambda spec: spec.dag_id)
def test_the_written_flow_makes_each_edge_of_the_job_once(spec: DagSpec) -> None:
    edges: list[tuple[str, str]] = []
    tasks = [task.name for task in spec.job.tasks]
    exec("\n".join(flow_lines(tasks, spec.job.edges)), {name: Node(name, edges) for name in tasks})
    assert sorted(edges) == sorted(spec.job.edges)
