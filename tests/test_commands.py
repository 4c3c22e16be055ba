"""Every command in a block of README and docs is run here, or a table says why not, and which test has it."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from reco_assets.batches.receipts import receipts
from reco_assets.cli.main import app, main
from reco_assets.models.serving import serving_store
from resources.settings import load_settings
from tests.tiny import TINY

ROOT = Path(__file__).resolve().parents[1]
# In the order in which they are run: the first page fills the lakehouse that the others use.
FIRST = [ROOT / "docs" / "tables.md", ROOT / "docs" / "streaming.md"]
PAGES = [
    *FIRST,
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted({*ROOT.glob("docs/**/*.md")} - {*FIRST}),
    ROOT / "airflow" / "README.md",
]
BLOCK = re.compile(r"^ *```(?:bash|sh|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`((?:reco|make) [^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Elsewhere:
    """Why commands that match aren't run here, and where what they do is tested: a test, and a word of it."""

    commands: str
    why: str
    test: str = ""
    word: str = ""


def commands_of(page: Path) -> Iterator[str]:
    """The commands of a page's blocks, without comments; of several in a line each by itself."""
    for block in BLOCK.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            said = re.sub(r"(?:^|\s+)#.*$", "", line).strip().removeprefix("$ ")
            yield from (part for part in re.split(r"\s*(?:&&|;)\s+", said) if part)


def all_commands() -> dict[str, Path]:
    """Every command once, with the first page that has it."""
    found: dict[str, Path] = {}
    for page in PAGES:
        for command in commands_of(page):
            found.setdefault(command, page.relative_to(ROOT))
    return found


LONG = "it measures, for minutes or hours"
ELSEWHERE = [
    Elsewhere("(source|export|unset|cd) .*", "it changes the shell alone"),
    Elsewhere("make (setup|spark)", "CI begins with it", ".ci/run", "make setup"),
    Elsewhere("make test", "it is what CI runs", ".ci/run", "tests/run.sh"),
    Elsewhere(
        "make (demo|dev)|reco demo",
        "it starts a daemon or a server",
        "tests/cli/test_reco.py::test_demo_runs_the_main_job_and_shows_tables_metrics_decision_and_recommendations",
        "demo",
    ),
    Elsewhere(
        "reco data fetch .*",
        "it downloads",
        "tests/cli/test_data.py::test_a_release_that_the_next_run_does_not_read_is_told_so",
        '"fetch", "ml-latest-small"',
    ),
    Elsewhere(
        "dg launch --(assets|job) .*",
        "it is a process of its own",
        "tests/test_hints.py::test_a_command_of_dagster_that_is_advised_works",
        "dg launch --job",
    ),
    Elsewhere(
        "python tools/run_pipeline.py etl",
        "it is a process of its own",
        "tests/cli/test_doors.py::test_without_run_local_the_tool_prints_the_documented_command_for_the_container",
        "run_pipeline.py",
    ),
    Elsewhere(
        "reco events serve-broker",
        "it serves until it is stopped",
        "tests/cli/test_events.py::test_serve_broker_runs_until_it_is_told_to_stop",
        "serve-broker",
    ),
    Elsewhere(
        "reco serve .*|curl localhost:8000/.*",
        "it serves until it is stopped",
        "tests/serving/test_server.py::test_another_champion_comes_to_serve_under_load_without_a_failed_request",
        '"serve", "--port"',
    ),
    Elsewhere(
        "make .env",
        "it writes into this folder",
        "tests/deploy/test_env.py::test_what_the_compose_file_cannot_do_without_is_made",
        "make_env.py",
    ),
    Elsewhere(
        "docker compose .*|make run-all",
        "it needs Docker",
        "tests/deploy/test_compose.py::test_the_file_keeps_to_the_compose_schema",
        "compose",
    ),
    Elsewhere(
        "make airflow-up",
        "it serves until it is stopped",
        "tests/airflow_real/test_services.py::test_the_exported_dags_load_without_an_error_and_start_paused",
        '"up.py"',
    ),
    Elsewhere(
        "make airflow-trigger-dag .*",
        "it needs an Airflow that runs",
        "tests/airflow_real/test_services.py::test_switching_a_daily_dag_on_by_a_trigger_runs_it_once",
        '"trigger.py"',
    ),
    Elsewhere(
        "airflow .*",
        "it needs Airflow's environment",
        "tests/airflow_real/test_services.py::test_airflows_own_commands_find_the_same_dags_with_nothing_but_its_home",
        "dags",
    ),
    Elsewhere("pip install -r /path/to/dags/.*", "it downloads into an Airflow of one's own"),
    Elsewhere(
        "make cluster-(up|down)|.venv-spark/bin/reco demo",
        "it needs a Spark cluster",
        "tests/cluster/test_on_a_cluster.py::test_the_main_job_keeps_every_rating_and_serves_every_user",
        "tools.cluster",
    ),
    Elsewhere(
        "reco stream withdraw .*",
        "what is withdrawn is missing afterwards",
        "tests/cli/test_withdraw.py::test_a_batch_is_withdrawn_when_asked_for_and_not_by_a_dry_run_or_without_a_yes",
        "withdraw",
    ),
    Elsewhere(
        "reco features show .*",
        "it needs a moment of the store's events",
        "tests/features/test_cli.py::test_a_user_and_a_movie_are_shown_as_they_are_and_as_they_were",
        "show",
    ),
    Elsewhere(
        "reco stream simulate --from history .*",
        "it needs more users than there are here",
        "tests/cli/test_stream.py::test_a_simulated_file_is_taken_in_scored_and_merged",
        '"--from", "history"',
    ),
    Elsewhere("make bench.*", LONG),
    Elsewhere(
        ".venv-spark/bin/python bench/driver_memory.py.*",
        LONG,
        "tests/test_driver_memory.py",
        "driver_memory",
    ),
]


def elsewhere(command: str) -> Elsewhere | None:
    """What says why a command isn't run here."""
    return next((each for each in ELSEWHERE if re.fullmatch(each.commands, command)), None)


RUN = {command: page for command, page in all_commands().items() if not elsewhere(command)}


def test_every_command_is_run_here_or_said_to_be_tested_elsewhere() -> None:
    assert {command: page for command, page in RUN.items() if not command.startswith("reco ")} == {}


@pytest.mark.parametrize("row", ELSEWHERE, ids=lambda row: row.commands)
def test_what_is_tested_elsewhere_is_there_and_a_page_has_it(row: Elsewhere) -> None:
    assert any(re.fullmatch(row.commands, command) for command in all_commands()), "no page has it any more"
    if row.test:
        file, _, name = row.test.partition("::")
        text = (ROOT / file).read_text()
        assert row.word in text
        assert not name or f"def {name}(" in text


def in_sentences() -> dict[str, Path]:
    """Every command in the sentences of a page, with the page."""
    return {found: page.relative_to(ROOT) for page in PAGES for found in INLINE.findall(page.read_text())}


@pytest.mark.parametrize("command", sorted(in_sentences()))
def test_a_command_in_a_sentence_is_one_that_there_is(command: str) -> None:
    words = command.split()
    if words[0] == "make":
        target = next((word for word in words[1:] if "=" not in word), "help")
        assert re.search(rf"^(?:[\w.% -]* )?{re.escape(target)}(?: [\w.% -]*)?:", (ROOT / "Makefile").read_text(), re.M)
        return
    place: Any = get_command(app)
    for word in words[1:]:
        if hasattr(place, "commands") and word in place.commands:
            place = place.commands[word]
        elif hasattr(place, "commands") and re.fullmatch("[a-z][a-z-]*", word):
            pytest.fail(f"reco has no verb {word!r}: {command}")
    options = {option for parameter in place.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= options | {"--help"}


@pytest.fixture(scope="module")
def lakehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty lakehouse and folder for all commands; what they make stays for those after them."""
    folder = tmp_path_factory.mktemp("commands")
    few = {"SYNTHETIC_MOVIES": "400", "DRIFT_BOOTSTRAP_SAMPLES": "199"}
    environment = TINY | few | {"LAKEHOUSE_PATH": str(folder / "lake"), "DAGSTER_HOME": str(folder / "home")}
    (folder / "home").mkdir()
    (folder / "rules.csv").write_text("action,subject,value,reason\nhide,movie,5,rights have ended\n")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        yield folder


def stood_for(command: str, folder: Path) -> str:
    """A command with what its words in capitals, and its invented names, stand for in this lakehouse."""
    command = command.replace("/path/to/dags", str(folder / "dags")).replace(
        "--users 600 --days 60", "--users 20 --days 2"
    )
    if re.search("BATCH|3f2a9c", command):
        command = re.sub("BATCH|3f2a9c", receipts(load_settings().storage.root)[0].batch, command)
    if "VERSION" in command or "rollback" in command:
        store = serving_store(load_settings())
        if len(store.versions()) < 2:
            run("reco train")
        for version in store.versions()[:2]:
            store.promote(version, "so that there is one before")
        if "reproduce" in command:  # an older one was trained on users whom a page before has forgotten
            run("reco train")
            command = command.replace("VERSION", store.versions()[-1])
        command = command.replace("VERSION", store.versions()[0])
    if "rollback_model" in command:
        run("reco run --function backup_current_model")
    return command


def run(command: str) -> int:
    """The exit code of a command of `reco`, in this process."""
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(command)[1:])
    return int(ended.value.code or 0)


@pytest.mark.slow
@pytest.mark.parametrize("command", RUN)
def test_a_command_in_a_block_works(lakehouse: Path, command: str) -> None:
    assert run(stood_for(command, lakehouse)) == 0, f"{RUN[command]}: {command}"
