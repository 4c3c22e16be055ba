"""CONTRIBUTING's checklists are true: a table, a source and a family are added at the places they name and no others.

All of it on a copy of the project, whose main job then reads the source, trains the family and makes the table.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pytest
from deltalake import DeltaTable

from reco_assets.sources import synthetic
from reco_assets.sources.layout import RawForm
from reco_assets.sources.typed import text_of
from resources.settings.source import SyntheticSettings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("resources", "reco_assets", "drift_sensors", "docs")
SHAPE = SyntheticSettings(users=120, movies=150, ratings=8_000)

TOY_COUNTS = '''"""Pure: how often each movie was rated."""

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def count_ratings(ratings: "DataFrame") -> "DataFrame":
    """One row per movie: movie_id, ratings."""
    return ratings.groupBy("movie_id").agg(F.count("*").alias("ratings"))
'''
TOY_COUNTS_ASSET = '''

@dg.asset(**(_ASSET | {"deps": []}), ins={"ratings": dg.AssetIn(["silver", "ratings"])})
def toy_counts(ratings: DataFrame) -> DataFrame:
    """How often each movie was rated."""
    return count_ratings(ratings)
'''
TOY_SOURCE = '''"""Toy files: stars.csv and films.csv."""

from pathlib import Path

from reco_assets.sources.layout import Columns, Layout
from reco_assets.sources.source import Format, Source, empty_table
from reco_assets.sources.text_files import csv_table

LAYOUT = Layout(
    ratings=Columns({"person": "user_id", "film": "movie_id", "stars": "rating", "second": "timestamp"}),
    movies=Columns({"film": "movie_id", "name": "title", "kinds": "genres"}),
    tags=Columns({"person": "user_id", "film": "movie_id", "word": "tag", "second": "timestamp"}),
)
RATINGS, MOVIES, TAGS = LAYOUT


def source(folder: Path) -> Source:
    """The toy files in a folder."""
    ratings, movies = folder / "stars.csv", folder / "films.csv"
    return Source("toy", csv_table(ratings, RATINGS), csv_table(movies, MOVIES), empty_table(TAGS), (ratings, movies))


FORMAT = Format(source, signs=("stars.csv",))
'''
TOY_FAMILY = '''"""The toy family: biases alone, and no baseline to beat."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reco_assets.models.baselines import MOVIES_FILE, USERS_FILE, BiasOnly
from reco_assets.models.interface import Family, Trained
from reco_assets.models.record import ModelRecord

CONFIG = {"seed": 7}


class ToyRecommender(BiasOnly):
    """Biases alone."""

    def save(self, folder: Path) -> Mapping[str, Any]:
        """See `Recommender`."""
        return {**super().save(folder), "config": CONFIG}


TOY = Family(
    name="toy",
    description="biases alone",
    files=(USERS_FILE, MOVIES_FILE),
    record=ModelRecord,
    metrics_file="run_metrics_toy_{version}.json",
    registered_name=lambda _: "reco_toy",
    configure=lambda _: CONFIG,
    fit=lambda ratings, _, __: Trained(ToyRecommender.fit(ratings)),
    load=lambda folder, _: ToyRecommender.load(folder),
    hyperparameters=lambda config: config,
)
'''


@dataclass(frozen=True)
class Copy:
    """A copy of the project, and the files in it that were changed or made."""

    root: Path
    touched: set[str]

    def make(self, path: str, text: str) -> None:
        """Make a file that isn't there."""
        assert not (self.root / path).exists()
        (self.root / path).parent.mkdir(exist_ok=True)
        (self.root / path).write_text(text)
        self.touched.add(path)

    def change(self, path: str, *changes: tuple[str, str]) -> None:
        """Replace texts, each of which stands in the file once."""
        text = (self.root / path).read_text()
        for old, new in changes:
            assert text.count(old) == 1, (path, old)
            text = text.replace(old, new)
        (self.root / path).write_text(text)
        self.touched.add(path)


def add_gold_table(copy: Copy) -> None:
    copy.change(
        "reco_assets/tables.py",
        (
            "\nGOLD = (",
            '\nTOY_COUNTS = table("gold/toy_counts", struct(movie_id=INT, ratings=LONG))\nGOLD = (TOY_COUNTS, ',
        ),
    )
    copy.make("reco_assets/gold/toy_counts.py", TOY_COUNTS)
    assets = "reco_assets/gold/assets.py"
    ours, theirs = "\nfrom reco_assets.gold.toy_counts import count_ratings", "\nfrom reco_assets.models.families"
    copy.change(
        assets,
        ("import pyarrow as pa\n", "import pyarrow as pa\nfrom pyspark.sql import DataFrame\n"),
        (theirs, f"{ours}{theirs}"),
    )
    with (copy.root / assets).open("a") as file:
        file.write(TOY_COUNTS_ASSET)
    copy.change("reco_assets/pipelines/selections.py", ("SERVING = (", 'SERVING = ("gold/toy_counts", '))


def add_source(copy: Copy) -> None:
    copy.make("reco_assets/sources/toy.py", TOY_SOURCE)
    copy.change(
        "reco_assets/sources/formats.py",
        ("netflix, presplit\n", "netflix, presplit, toy\n"),
        ('    "movielens": ', '    "toy": toy.FORMAT,\n    "movielens": '),
    )
    copy.change("resources/settings/source.py", ('Literal["movielens", ', 'Literal["toy", "movielens", '))
    copy.change("docs/sources.md", ("| `synthetic` |", "| `toy` | `stars.csv` and `films.csv` |\n| `synthetic` |"))


def add_family(copy: Copy) -> None:
    copy.make("reco_assets/models/toy/__init__.py", "")
    copy.make("reco_assets/models/toy/family.py", TOY_FAMILY)
    copy.change(
        "reco_assets/models/families.py",
        ("import NCF\n", "import NCF\nfrom reco_assets.models.toy.family import TOY\n"),
        ("= (ALS, NCF)", "= (ALS, NCF, TOY)"),
    )
    copy.change(
        "reco_assets/pipelines/selections.py",
        ("\nTRAINING = (", '\nTRAINING = ("models/toy_candidate", '),
        ("\nJUDGEMENT = (", '\nJUDGEMENT = ("models/toy_evaluation", '),
        ("\nPROMOTION = (", '\nPROMOTION = ("models/toy_champion", '),
    )


def places(what: str, **names: str) -> set[str]:
    """The places of a checklist, with `<kind>` replaced by the name of what is added."""
    section = (ROOT / "CONTRIBUTING.md").read_text().split(f"### … {what}\n")[1].split("\n### ")[0]
    found = re.findall(r"^\d\. `([^`]+)`", section, re.MULTILINE)
    for kind, name in names.items():
        found = [place.replace(f"<{kind}>", name) for place in found]
    return set(found)


CHECKLISTS: dict[str, tuple[Callable[[Copy], None], set[str]]] = {
    "gold table": (add_gold_table, places("a gold table", table="toy_counts")),
    "source": (add_source, places("a source", source="toy")),
    "family": (add_family, places("a model family", family="toy")),
}


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, set[str]]]:
    """The copy with all three added, and which files each of them touched."""
    root, touched = tmp_path_factory.mktemp("project"), {}
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for what, (add, _) in CHECKLISTS.items():
        copy = Copy(root, set())
        add(copy)
        touched[what] = copy.touched
    return root, touched


@pytest.fixture(scope="module")
def lake(newcomer: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the copy's main job made of the toy source."""
    folder = tmp_path_factory.mktemp("run")
    write_toy_files(folder / "toy")
    (folder / "home").mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "RECO_CACHE_PATH") if name in os.environ}
    variables = {
        "PYTHONPATH": str(newcomer[0]),
        "RECO_ENGINE": "embedded",
        "RECO_SOURCE": "toy",
        "RECO_SOURCE_PATH": str(folder / "toy"),
        "LAKEHOUSE_PATH": str(folder / "lake"),
        "DAGSTER_HOME": str(folder / "home"),
        "ALS_MAX_ITER": "3",
        "RANKING_MAX_ITER": "3",
        "PROMOTION_BOOTSTRAP_SAMPLES": "199",
    }
    command = [
        sys.executable,
        "-m",
        "dagster",
        "job",
        "execute",
        "-m",
        "reco_assets.definitions",
        "-j",
        "reco_pipeline",
    ]
    done = subprocess.run(command, env=kept | variables, cwd=newcomer[0], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "lake"


def write_toy_files(folder: Path) -> None:
    """Synthetic ratings and movies, under the toy source's names."""
    folder.mkdir()
    made = synthetic.source(SHAPE)
    for name, table, header in (
        ("stars.csv", made.ratings, ["person", "film", "stars", "second"]),
        ("films.csv", made.movies, ["film", "name", "kinds"]),
    ):
        form = RawForm(table.columns.fields)
        text = [pa.table(list(text_of(batch, form).values()), names=header) for batch in table.batches()]
        pc.write_csv(pa.concat_tables(text), folder / name, pc.WriteOptions(quoting_style="needed"))


@pytest.mark.parametrize("what", CHECKLISTS)
def test_nothing_but_the_places_of_the_checklist_is_touched(what: str, newcomer: tuple[Path, Any]) -> None:
    named = CHECKLISTS[what][1]
    assert len(named) <= 4
    touched = newcomer[1][what]
    assert {path for path in touched if not any(path == place or path.startswith(place) for place in named)} == set()
    assert {place for place in named if not any(path.startswith(place) for path in touched)} == set()


def test_the_walls_stand_afterwards(newcomer: tuple[Path, Any]) -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=newcomer[0], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_main_job_loads_the_new_source(lake: Path) -> None:
    assert DeltaTable(str(lake / "silver" / "ratings")).to_pyarrow_dataset().count_rows() == SHAPE.ratings


def test_the_main_job_makes_the_new_table(lake: Path) -> None:
    counts = DeltaTable(str(lake / "gold" / "toy_counts")).to_pyarrow_dataset().to_table()
    assert sum(counts["ratings"].to_pylist()) == SHAPE.ratings


def test_the_main_job_trains_judges_and_promotes_the_new_family(lake: Path) -> None:
    store = lake / "gold" / "models" / "toy"
    version = json.loads((store / "champion.json").read_text())["version"]
    assert (store / version / "model.json").exists()
    assert (lake / "gold" / "metrics" / f"run_metrics_toy_{version}.json").exists()
