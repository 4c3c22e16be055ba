"""What Dagit shows of every asset before it is made: columns with what is promised of them, who answers, the code."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from reco_assets.build import build_definitions
from reco_assets.owners import OWNERS
from reco_assets.tables import DECLARED
from resources.settings import load_settings

PACKAGE = Path(__file__).resolve().parents[1] / "reco_assets"


@pytest.fixture(scope="module")
def specs() -> Mapping[str, dg.AssetSpec]:
    found = build_definitions(load_settings()).resolve_all_asset_specs()
    return {spec.key.to_user_string(): spec for spec in found}


def columns(specs: Mapping[str, dg.AssetSpec], table: str) -> Mapping[str, dg.TableColumn]:
    return {column.name: column for column in specs[table].metadata["dagster/column_schema"].columns}


def test_every_declared_table_shows_its_columns_before_it_is_made(specs: Mapping[str, dg.AssetSpec]) -> None:
    for name in DECLARED.keys() & specs.keys():
        assert list(columns(specs, name)) == DECLARED[name].schema.names


def test_a_column_shows_its_meaning_and_all_that_is_asked_of_it(specs: Mapping[str, dg.AssetSpec]) -> None:
    movie, title, *_, year = columns(specs, "silver/movies").values()
    assert str(title.description).startswith("The movie's title")
    assert movie.constraints == dg.TableColumnConstraints(nullable=False, unique=True, other=["from 0"])
    assert year.constraints == dg.TableColumnConstraints(other=["is one of films (else a warning)"])


def test_a_table_shows_its_key_and_the_rules_of_several_columns(specs: Mapping[str, dg.AssetSpec]) -> None:
    assert specs["silver/ratings"].metadata["dagster/column_schema"].constraints == dg.TableConstraints(
        other=[
            "user_id, movie_id, rating_ts: unique together",
            "year is that of rating_ts",
            "month is that of rating_ts",
        ]
    )


def test_the_column_of_the_lists_says_what_a_score_is(specs: Mapping[str, dg.AssetSpec]) -> None:
    said = columns(specs, "gold/recommendations_als")["recommendations"].description
    assert "score is no number of stars" in str(said)


def test_every_layer_has_an_owner_and_no_owner_is_of_a_layer_that_is_not_there(
    specs: Mapping[str, dg.AssetSpec],
) -> None:
    assert {str(spec.group_name) for spec in specs.values()} == set(OWNERS)
    for spec in specs.values():
        assert spec.owners == [OWNERS[str(spec.group_name)]]


def test_every_asset_names_its_layer_beside_what_it_is_kept_as(specs: Mapping[str, dg.AssetSpec]) -> None:
    for name, spec in specs.items():
        assert name.split("/")[0] in spec.kinds
        assert len(spec.kinds) > 1


def test_every_asset_that_is_made_links_to_the_file_that_makes_it(specs: Mapping[str, dg.AssetSpec]) -> None:
    links = {name: spec.metadata.get("dagster/code_references") for name, spec in specs.items()}
    assert [name for name, found in links.items() if found is None] == ["serving/rules"]  # made by `reco rules` alone
    for found in filter(None, links.values()):
        (link,) = found.code_references
        assert Path(link.file_path).is_relative_to(PACKAGE)
        assert Path(link.file_path).name == "assets.py"
