"""Values as source text: what Python reads back, and laid out so that a formatter has nothing to change."""

import ast
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.airflow_export.literals import Code, Joined, Over, literal

RUFF = Path(sys.executable).with_name("ruff")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=PLAIN)
@settings(max_examples=100, deadline=None)
def test_plain_values_are_read_back_as_they_were(value: Any) -> None:
    assert ast.literal_eval(literal(value)) == value


def test_code_is_written_as_it_is() -> None:
    assert literal({"k": Code("str(K)")}) == '{\n    "k": str(K),\n}'


@pytest.mark.parametrize(
    ("value", "text"), [(timedelta(hours=2), "timedelta(hours=2)"), (timedelta(minutes=5), "timedelta(minutes=5)")]
)
def test_durations_are_in_the_unit_that_a_person_would_take(value: timedelta, text: str) -> None:
    assert literal(value) == text


def test_joined_texts_are_one_text() -> None:
    assert eval(literal(Joined(("a", "b", "c")))) == "a,b,c"


def test_entries_of_a_dictionarys_own_win_over_those_of_its_bases() -> None:
    source = literal(Over((Code("BASE"),), {"owner": "me"}))
    assert eval(source, {"BASE": {"owner": "you", "retries": 1}}) == {"owner": "me", "retries": 1}


def test_short_and_long_values_are_laid_out_as_a_formatter_leaves_them() -> None:
    value = {
        "short": [1],
        "long": ["a long text " * 5] * 9,
        "none": [],
        "nested": {"joined": Joined(("a", "b")), "quoted": '"$SIM_PATH/generate.py"', "empty": {}},
    }
    source = f"value = {literal(value)}\n"
    formatted = subprocess.run([RUFF, "format", "-"], input=source, capture_output=True, text=True, check=True)
    assert formatted.stdout == source
