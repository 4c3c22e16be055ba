"""Whatever goes wrong, `reco` says it in one line; RECO_DEBUG=1 shows where."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from rich.table import Table

from reco_assets.cli import main as cli
from reco_assets.cli.outermost import run_guarded
from reco_assets.cli.serving import print_recommendations
from reco_assets.cli.summary import add_row, console
from reco_assets.tables import DECLARED
from resources.errors import RecoError
from resources.tables.lakehouse import Lakehouse

TITLES = ("[/b] Closed", "Brazil [extended cut]", "Red \x1b[31m Dawn\nTwo", ":smile: and | `code`")


class PanicException(BaseException):
    """As Rust's panics reach Python: no Exception."""


def ended(command: Callable[[], None]) -> object:
    with pytest.raises(SystemExit) as found:
        run_guarded(command)
    return found.value.code


def failing(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), PanicException("unwrap"), RecoError("Do this.")])
def test_any_error_is_one_line_and_exit_code_1(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(failing(error)) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert str(error) in said
    assert said.count("\n") == 1
    assert ("RECO_DEBUG=1" in said) is not isinstance(error, RecoError)


def test_debug_shows_where(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECO_DEBUG", "1")
    assert ended(failing(ZeroDivisionError("by zero"))) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_exit_code_of_a_command_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(failing(SystemExit(2))) == 2
    assert ended(failing(KeyboardInterrupt())) == 130
    assert "stopped by Ctrl-C" in capsys.readouterr().err


def test_titles_are_shown_as_they_are_without_markup_or_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("title", width=60)
    for title in TITLES:
        add_row(table, title)
    console().print(table)
    said = capsys.readouterr().out
    for shown in ("[/b] Closed", "Brazil [extended cut]", "Red ?[31m Dawn Two", ":smile: and | `code`"):
        assert shown in said


@pytest.fixture
def served(lakehouse: Lakehouse) -> Lakehouse:
    """A lakehouse that recommends movies with such titles to user 1."""
    from datetime import UTC, datetime

    from pyspark.sql.pandas.types import to_arrow_schema

    movies = [
        {"movie_id": at, "title": title, "genres_string": "[i]", "genres": ["[i]"], "release_year": 2000}
        for at, title in enumerate(TITLES)
    ]
    entries = [{"movie_id": at, "score": 1.0, "rank": at + 1} for at in range(len(TITLES))]
    lists = [
        {
            "user_id": 1,
            "recommendations": entries,
            "model_version": "v[/b]",
            "generated_ts": datetime(2026, 1, 1, tzinfo=UTC),
        }
    ]
    for name, rows in (("silver/movies", movies), ("gold/recommendations_als", lists)):
        schema = to_arrow_schema(DECLARED[name].schema, timezone="UTC")
        lakehouse.write(DECLARED[name], pa.Table.from_pylist(rows, schema))
    return lakehouse


def test_recommend_survives_titles_that_look_like_markup(
    served: Lakehouse, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    print_recommendations(served.settings, "1")
    said = capsys.readouterr().out
    assert "[/b] Closed" in said
    assert "Brazil [extended cut]" in said
    assert "\x1b" not in said


def test_a_damaged_table_is_named_with_the_way_out(
    served: Lakehouse, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for log in served.path("gold/recommendations_als", "_delta_log").glob("*.json"):
        log.write_text("{garbage")
    monkeypatch.setenv("LAKEHOUSE_PATH", str(served.root))
    assert ended(lambda: cli.app(args=["recommend", "--user", "1"])) == 1
    said = capsys.readouterr().err
    assert "Table gold/recommendations_als is damaged: " in said
    assert "Traceback" not in said


def test_a_file_where_the_lakehouse_should_be_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lake").write_text("a file")
    monkeypatch.setenv("LAKEHOUSE_PATH", str(tmp_path / "lake"))
    monkeypatch.setenv("RECO_SOURCE", "synthetic")
    assert ended(lambda: cli.app(args=["run", "--select", "bronze/tags"])) == 1
    assert "lake" in capsys.readouterr().err.splitlines()[-1]
