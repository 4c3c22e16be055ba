"""Commands that speak of ALS, told to speak of another family."""

import pytest

from reco_assets.cli.main import main
from resources.settings import load_settings


def reco(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


@pytest.fixture(autouse=True)
def _lakehouse(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PATH", str(tmp_path_factory.mktemp("other") / "lake"))
    monkeypatch.setenv("COLUMNS", "200")


def test_a_list_is_of_the_family_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert reco("model", "list", "--model", "ncf") == 0
    assert f"Models in {load_settings().storage.root}/gold/models/ncf" in capsys.readouterr().out
    assert reco("model", "list") == 0
    assert "gold/models/als" in capsys.readouterr().out


def test_what_an_error_advises_is_to_be_done_for_that_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert reco("model", "rollback", "--model", "ncf") != 0
    assert "Train one: reco train." in (said := capsys.readouterr().err)
    assert "(With --model ncf.)" in said
    assert reco("model", "rollback") != 0
    assert "--model" not in capsys.readouterr().err


def test_a_family_that_is_not_there_is_answered_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert reco("train", "--model", "svd") != 0
    assert "There is no model family 'svd'. There are: als, ncf." in capsys.readouterr().err


def test_the_documents_paths_say_nothing_to_a_family_with_tables_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert reco("train", "--model", "ncf", "--model-output-path", "x") == 2
    assert "--model-output-path says nothing to it" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["promote", "reproduce"])
def test_a_version_that_is_not_there_is_said_with_where_to_look(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert reco("model", command, "20200101_000000", "--model", "ncf") != 0
    said = capsys.readouterr().err
    assert "ncf holds no version 20200101_000000. See which there are: reco model list. (With --model ncf.)" in said
