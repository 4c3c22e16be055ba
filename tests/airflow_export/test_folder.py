"""`reco airflow export`: what it writes, removes, compares and refuses to touch."""

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from reco_assets.airflow_export.render import MARKER
from reco_assets.airflow_export.spec import ExportError
from reco_assets.cli.airflow import app

FOREIGN = "dag = None  # mine\n"


def _export(out: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["export", "--out", str(out), *options])


def _content(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with an export, at a path that needs quoting in a shell."""
    folder = tmp_path / 'my "dags" of \'26'
    assert _export(folder).exit_code == 0
    return folder


def test_an_export_is_up_to_date_and_made_twice_the_same(out: Path) -> None:
    before = _content(out)
    assert "0 files written, 0 removed" in _export(out).output
    assert _content(out) == before
    assert "up to date" in _export(out, "--check").output


def test_every_documented_dag_is_written(out: Path) -> None:
    assert {path.name for path in out.glob("*.py")} == {
        "dag_drift_retrain.py",
        "dag_etl_train.py",
        "data_validation_dag.py",
        "ml_pipeline_dag.py",
        "model_retraining_dag.py",
        "model_training_dag.py",
        "movie_recommender_pipeline.py",
        "reco_pipeline_dag.py",
    }


def test_check_names_each_file_that_is_missing_differs_or_is_stale_and_changes_nothing(out: Path) -> None:
    (out / "reco_pipeline_dag.py").unlink()
    with (out / "common" / "config.py").open("a") as config:
        config.write("K = 11\n")
    (out / "old_dag.py").write_text(f'"""Old.\n\n{MARKER}: no longer."""\n')
    before = _content(out)
    found = _export(out, "--check")
    assert found.exit_code == 1
    assert f"{out}/reco_pipeline_dag.py is missing" in found.output
    assert f"{out}/common/config.py differs" in found.output
    assert f"{out}/old_dag.py is stale" in found.output
    assert isinstance(found.exception, ExportError)
    assert _content(out) == before


def test_check_of_a_folder_that_is_not_there_fails_and_makes_none(tmp_path: Path) -> None:
    assert _export(tmp_path / "none", "--check").exit_code == 1
    assert not (tmp_path / "none").exists()


def test_stale_files_of_its_own_are_removed_and_others_kept(out: Path) -> None:
    stale, mine, data = out / "common" / "old.py", out / "my_dag.py", out / "data.bin"
    stale.write_text(f"# {MARKER}.\n")
    mine.write_text(FOREIGN)
    data.write_bytes(b"\xff\xfe\x00")
    assert "1 removed" in _export(out).output
    assert not stale.exists()
    assert mine.read_text() == FOREIGN
    assert data.read_bytes() == b"\xff\xfe\x00"


@pytest.mark.parametrize("name", ["dag_etl_train.py", "common/config.py", "TASKS.md", ".airflowignore"])
def test_a_foreign_file_is_never_overwritten_and_nothing_else_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(FOREIGN)
    found = _export(tmp_path)
    assert isinstance(found.exception, ExportError)
    assert name in str(found.exception)
    assert _content(tmp_path) == {name: FOREIGN}


def test_a_file_that_only_speaks_of_the_export_further_down_is_foreign(tmp_path: Path) -> None:
    text = "\n" * 9 + f"# not {MARKER}\n"
    (tmp_path / "TASKS.md").write_text(text)
    assert isinstance(_export(tmp_path).exception, ExportError)
    assert _content(tmp_path) == {"TASKS.md": text}


def test_a_link_to_nowhere_and_a_folder_in_a_files_place_are_foreign(tmp_path: Path) -> None:
    (tmp_path / "TASKS.md").symlink_to(tmp_path / "nowhere")
    (tmp_path / "reco_pipeline_dag.py").mkdir()
    message = str(_export(tmp_path).exception)
    assert "TASKS.md" in message
    assert "reco_pipeline_dag.py" in message


@pytest.mark.parametrize("name", ["dags", "dags/common"])
def test_a_file_in_a_folders_place_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(FOREIGN)
    found = _export(tmp_path / "dags")
    assert isinstance(found.exception, ExportError)
    assert str(tmp_path / name) in str(found.exception)


def test_one_dag_is_exported_alone_and_leaves_the_others_where_they_are(out: Path, tmp_path: Path) -> None:
    assert _export(tmp_path / "one", "--dag", "reco_pipeline").exit_code == 0
    assert [path.name for path in (tmp_path / "one").glob("*.py")] == ["reco_pipeline_dag.py"]
    before = _content(out)
    assert _export(out, "--dag", "reco_pipeline").exit_code == 0
    assert _content(out) == before


def test_a_dag_that_there_is_not_writes_nothing(tmp_path: Path) -> None:
    found = _export(tmp_path / "none", "--dag", "nonsense")
    assert "There is no DAG nonsense" in str(found.exception)
    assert not (tmp_path / "none").exists()
