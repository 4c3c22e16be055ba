"""What a DAG's text imports: what it uses, once, sorted."""

import pytest

from reco_assets.airflow_export.imports import defined_in, imports_of

MODULES = {
    "timedelta": "datetime",
    "DAG": "airflow.sdk",
    "TriggerRule": "airflow.sdk",
    "dag_run": "airflow.sdk",
    "MAX_RUNS": "airflow.sdk",
    "K": "common.config",
    "UNUSED": "common.config",
}


def test_names_are_imported_once_from_their_modules_in_groups() -> None:
    source = "with DAG(K, wait=timedelta(hours=K)) as dag:\n    task = str(K)\n    task >> dag\n"
    assert imports_of(source, MODULES) == [
        [("datetime", ["timedelta"])],
        [("airflow.sdk", ["DAG"])],
        [("common.config", ["K"])],
    ]


def test_constants_come_before_classes_and_these_before_functions() -> None:
    source = "DAG(dag_run, TriggerRule.ALL_DONE, MAX_RUNS)"
    assert imports_of(source, MODULES) == [[("airflow.sdk", ["DAG", "MAX_RUNS", "TriggerRule", "dag_run"])]]


def test_a_name_that_no_module_has_is_an_error() -> None:
    with pytest.raises(LookupError, match="common/ have NOWHERE"):
        imports_of("print(NOWHERE)", MODULES)


def test_a_module_defines_its_constants_classes_and_functions_but_not_what_it_imports() -> None:
    source = "import os\nK = 1\nA = B = 2\nclass Hook: ...\ndef run():\n    inner = 1\n"
    assert list(defined_in(source)) == ["K", "A", "B", "Hook", "run"]
