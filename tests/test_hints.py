"""Every command that a message of the platform advises works. A new one is exercised here, or this file fails."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from reco_assets.batches.receipts import receipts
from reco_assets.cli.main import main
from reco_assets.models.serving import serving_store
from resources.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
# A command in a sentence: the program, then words of it, in lower case or quoted, options, or what stands for a value.
COMMAND = re.compile(
    r"(?<![\w/.-])(?:reco|dg|dagster|make)(?: (?:-{1,2}[a-z_-]+|'[^']*'|\{\}|[A-Z]{3,}|[a-z][a-z_.-]*[a-z]))+"
)
# Where a sentence goes on behind a command.
GOES_ON = re.compile(
    r" (?:then|or|and|with|first|again|what|that|shows|writes|did|exports|in|has|makes|is|alone|would|does"
    r"|starts|uses)\b.*"
)
NO_COMMAND = {"make behind them", "make it"}
MISSING_TABLE = "dagster asset materialize -m reco_assets.definitions --select '*{}'"
REFRESH_GOLD = "dg launch --assets '{}'"
# What a hint says, with {} for values, and the command that this file runs for it.
RECO = {
    "reco airflow export": "airflow export --out dags",
    "reco airflow export --out {}": "airflow export --out dags",
    "reco airflow export --out {} --via {}": "airflow export --out dags --via dagster",
    "reco etl": "etl",
    "reco events extract": "events extract",
    "reco events generate": "events generate --users 5 --days 2",
    "reco etl --replace-source": "etl --replace-source",
    "reco status": "status",
    "reco train": "train",
    "reco evaluate": "evaluate",
    "reco stream process": "stream process",
    "reco stream detect_drift": "stream detect_drift",
    "reco stream replay {}": "stream replay {batch}",
    "reco stream list": "stream list",
    "reco stream withdraw": "stream withdraw {batch} --yes",
    "reco stream withdraw {} --undo": "stream withdraw {batch} --undo --yes",
    # The second ends what the first began.
    "reco experiment start": "experiment start {version} --share 0.5",
    "reco experiment start {}": "experiment start {version} --share 0.5",
    "reco experiment start VERSION": "experiment start {version} --share 0.5",
    "reco experiment stop": "experiment stop --keep --yes",
    "reco experiment status": "experiment status",
    "reco features compute": "features compute",
    "reco model backtest": "model backtest",
    "reco model list": "model list",
    "reco model promote VERSION": "model promote {version}",
    "reco model promote {}": "model promote {version}",
    "reco model rollback": "model rollback",
    "reco run --function backup_current_model": "run --function backup_current_model",
    "reco rules list": "rules list",
    "reco rules publish": "rules publish",
    "reco run --select {}": "run --select silver/movies",
}
DAGSTER = {
    MISSING_TABLE: [
        "dagster",
        "asset",
        "materialize",
        "-m",
        "reco_assets.definitions",
        "--select",
        "*gold/similar_movies",
    ],
    REFRESH_GOLD: [
        "dg",
        "launch",
        "--assets",
        "key:gold/recommendations_als or key:gold/similar_movies or key:gold/recommendations_why",
    ],
    "dg launch --job lakehouse_maintenance": ["dg", "launch", "--job", "lakehouse_maintenance"],
}
MAKE = {"make dev", "make evidently", "make mlflow", "make neural", "make spark"}
DOWNLOADS = {"reco data fetch ml-latest-small"}  # tests/sources/test_fetch.py has what it does, without a network
SMALL = {
    "RECO_SOURCE": "synthetic",
    "SYNTHETIC_USERS": "120",
    "SYNTHETIC_MOVIES": "150",
    "SYNTHETIC_RATINGS": "8000",
    "ALS_MAX_ITER": "3",
    "RANKING_MAX_ITER": "3",
    "DRIFT_BOOTSTRAP_SAMPLES": "199",
    "PROMOTION_BOOTSTRAP_SAMPLES": "199",
}
NEWS = "DATE,CUST_ID,MOVIE_ID,RATING\n2026-01-02,1,1,4.0\n2026-01-03,2,3,2.5\n"


def messages(path: Path) -> Iterator[str]:
    """Every text of a module but docstrings and what options say of themselves, with {} for each value in it."""
    tree = ast.parse(path.read_text())
    silent = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent | inside:
            yield node.value


def advised() -> dict[str, Path]:
    """Every command that a message names, and a file that does."""
    found = {}
    for folder in ("resources", "reco_assets", "drift_sensors"):
        for path in (ROOT / folder).rglob("*.py"):
            for text in messages(path):
                for match in COMMAND.finditer(text):
                    found[GOES_ON.sub("", match[0])] = path.relative_to(ROOT)
    return found


def test_every_command_that_a_message_advises_is_run_by_this_file() -> None:
    known = RECO.keys() | DAGSTER.keys() | MAKE | DOWNLOADS | NO_COMMAND
    new = {command: str(path) for command, path in advised().items() if command not in known}
    assert not new, "run these below, and name them above"


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a lakehouse with two versions, a backup, and a batch that waits."""
    folder = tmp_path_factory.mktemp("hints")
    environment = SMALL | {"LAKEHOUSE_PATH": str(folder / "lake"), "DAGSTER_HOME": str(folder / "home")}
    (folder / "home").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        for command in ("etl", "train", "train", "run --function backup_current_model"):
            assert reco(command) == 0
        yield environment


def reco(command: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    return int(ended.value.code or 0)


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(set(RECO.values())))
def test_a_command_of_ours_that_is_advised_works(variables: Mapping[str, str], command: str) -> None:
    store = serving_store(load_settings())
    first, second = store.versions()[:2]
    if store.served() != (second, first):  # a promotion ends the experiment that a command before began
        store.promote(first, "so that there is one before")
        store.promote(second, "so that there is one before")
    landing = load_settings().storage.landing
    landing.mkdir(exist_ok=True)
    (landing / "news.csv").write_text(
        NEWS + "2026-01-04,5,7,3.0\n" * len(list(landing.parent.glob("stream/receipts/*.json")))
    )
    if "{batch}" in command:
        assert reco("stream process") == 0
        command = command.replace("{batch}", receipts(load_settings().storage.root)[0].batch)
    assert reco(command.replace("{version}", first)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("hint", DAGSTER)
def test_a_command_of_dagster_that_is_advised_works(variables: Mapping[str, str], tmp_path: Path, hint: str) -> None:
    program, *arguments = DAGSTER[hint]
    lakehouse = {"LAKEHOUSE_PATH": str(tmp_path / "lake")} if hint == MISSING_TABLE else {}  # where no table is yet
    done = subprocess.run(
        [str(BIN / program), *arguments],
        env={**os.environ, **variables, **lakehouse},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("command", sorted(MAKE))
def test_a_make_target_that_is_advised_exists(command: str) -> None:
    done = subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
