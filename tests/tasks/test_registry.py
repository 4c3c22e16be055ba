"""The functions that `reco run --function` calls are those that the pipelines' tasks name."""

import subprocess
import sys

import pytest

from reco_assets.pipelines.jobs import SPECS
from reco_assets.tasks.registry import MODULES, UnknownFunctionError, function_named


def test_every_function_that_a_task_names_can_be_called_by_name_and_no_other() -> None:
    named = {task.function for spec in SPECS for task in spec.tasks if task.function is not None}
    assert MODULES.keys() == named
    assert all(function_named(name).__name__ == name for name in MODULES)


def test_an_unknown_function_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        UnknownFunctionError, match=r"no function 'find_model'\. There are: backup_current_model, check_new_"
    ):
        function_named("find_model")


@pytest.mark.slow
def test_finding_a_model_does_not_wait_for_dagster() -> None:
    code = (
        "import sys; from reco_assets.cli import main; from reco_assets.tasks.registry import function_named\n"
        "from resources.settings import load_settings; load_settings()\n"
        "function_named('find_current_model'); function_named('check_retrain')\n"
        "assert 'dagster' not in sys.modules, 'Dagster was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
