"""spark-submit commands are argument lists: what a path or value holds stays one argument."""

import shlex
import sys
from pathlib import Path

import pytest

from reco_assets.spark_submit import build_docker_spark_command, build_spark_submit_command

AWKWARD = "/lake of 'ours' \"and\" $HOME/{timestamp}"


def test_the_configuration_precedes_the_application_and_its_arguments_follow() -> None:
    command = build_spark_submit_command("etl.py", ["--k", "10"], {"spark.master": "local[2]"})
    assert command == ["spark-submit", "--conf", "spark.master=local[2]", "etl.py", "--k", "10"]


def test_another_spark_submit_can_be_named() -> None:
    assert build_spark_submit_command(Path("etl.py"), spark_submit=Path("/opt/spark submit")) == [
        "/opt/spark submit",
        "etl.py",
    ]


@pytest.mark.parametrize("text", [AWKWARD, "", "two\nlines"])
def test_whatever_an_argument_holds_it_stays_one_also_when_pasted_into_a_shell(text: str) -> None:
    command = build_spark_submit_command(text, [text], {"spark.conf": text})
    assert command[2:] == [f"spark.conf={text}", text, text]
    assert shlex.split(shlex.join(command)) == command


def test_in_docker_the_same_command_runs_in_the_container() -> None:
    command = build_spark_submit_command("etl.py", [AWKWARD])
    assert build_docker_spark_command(command) == ["docker", "exec", "spark-master", *command]
    assert build_docker_spark_command(command, "other")[2] == "other"


def test_the_module_needs_nothing_but_the_standard_library() -> None:
    from reco_assets import spark_submit

    source = Path(str(spark_submit.__file__)).read_text()
    imported = {
        line.split()[1].partition(".")[0] for line in source.splitlines() if line.startswith(("from ", "import "))
    }
    assert imported <= sys.stdlib_module_names
