"""Every selection that names an asset works: X, +X, *X and X* for each asset, on a small lakehouse."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from reco_assets.batches.accepted import waiting
from reco_assets.build import build_definitions
from reco_assets.runner.run import QUIET
from reco_assets.runner.selection import RunRequestError, selected_assets
from reco_assets.tables import DECLARED
from resources import resources_for
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

DEFINITIONS = build_definitions(load_settings())
GRAPH = DEFINITIONS.resolve_asset_graph()
ASSETS = sorted(key.to_user_string() for key in GRAPH.materializable_asset_keys)
# What makes nothing where there is nothing to make it of, or nobody has installed what makes it.
MAY_YIELD_NOTHING = {"quality/evidently"}
HEADER = "DATE,CUST_ID,MOVIE_ID,RATING\n"
GOOD = "".join(f"2026-01-02,{user},1,4.0\n" for user in range(1, 41))
NEWS = f"{HEADER}{GOOD}2026-01-03,2,3,9.0\n"

Select = Callable[[str], dg.ExecuteInProcessResult]


def keys_of(selection: str) -> frozenset[str]:
    return frozenset(node.key.to_user_string() for node in selected_assets(GRAPH, selection.split(",")))


def selections(*forms: str) -> list[str]:
    """Each form of every asset, without those that select what an earlier one does."""
    named = [form.replace("X", asset) for form in forms for asset in ASSETS]
    return list({keys_of(selection): selection for selection in reversed(named)}.values())[::-1]


def steps(selection: str) -> frozenset[tuple[str, frozenset[str], frozenset[str]]]:
    """What the steps of a run see of it: which of their assets are asked for, and what they read that it makes too."""
    keys, asked = keys_of(selection), dict[str, set[str]]()
    for key in keys:
        asked.setdefault(GRAPH.get(dg.AssetKey(key.split("/"))).assets_def.node_def.name, set()).add(key)

    def read(asset: str) -> set[str]:
        return {parent.to_user_string() for parent in GRAPH.get(dg.AssetKey(asset.split("/"))).parent_keys}

    return frozenset(
        (step, frozenset(own), frozenset(set[str]().union(*map(read, own)) & keys - own)) for step, own in asked.items()
    )


def covering(named: list[str]) -> list[str]:
    """As few selections as show each step everything that one of them all shows it: a run is no more than its steps."""
    shown = {selection: steps(selection) for selection in named}
    left, found = set[object]().union(*shown.values()), list[str]()
    while left:
        found.append(max(shown, key=lambda selection: len(shown[selection] & left) / (1 + len(shown[selection]))))
        left -= shown[found[-1]]
    return found


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, tiny_settings: Callable[..., Settings]) -> Settings:
    return tiny_settings(tmp_path_factory.mktemp("selections") / "lake")


@pytest.fixture(scope="module")
def select(settings: Settings) -> Iterator[Select]:
    """Materialise a selection with its checks; everything was made once before."""
    resources = resources_for(settings, DECLARED)
    job = build_definitions(settings, resources).resolve_implicit_global_asset_job_def()

    def run(selection: str) -> dg.ExecuteInProcessResult:
        keys = [node.key for node in selected_assets(GRAPH, selection.split(","))]
        return job.execute_in_process(asset_selection=keys, instance=instance, run_config=QUIET)

    with dg.DagsterInstance.ephemeral() as instance:
        run("*")
        yield run
    resources["lakehouse"].engine.stop()


def made(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}


@pytest.mark.slow
@pytest.mark.parametrize("selection", covering(selections("X", "+X", "*X", "X*")))
def test_a_selection_makes_what_it_names(select: Select, selection: str) -> None:
    result = select(selection)
    assert result.success
    assert keys_of(selection) - MAY_YIELD_NOTHING <= made(result)


@pytest.mark.slow
def test_both_stream_tables_are_recorded_when_one_is_asked_for_as_both_are_written(
    select: Select, settings: Settings
) -> None:
    settings.storage.landing.mkdir(exist_ok=True)
    (settings.storage.landing / "news.csv").write_text(NEWS)
    result = select("stream/quarantine")
    assert made(result) == {"stream/ratings", "stream/quarantine"}
    batch = waiting(Lakehouse.open(settings))[-1]
    assert (batch.good, batch.quarantined) == (40, 1)


@pytest.mark.slow
def test_a_quarantine_made_alone_leaves_its_table_as_it_was(select: Select, settings: Settings) -> None:
    lakehouse = Lakehouse.open(settings)
    before = lakehouse.version("silver/ratings")
    assert made(select("silver/quarantine_ratings")) == {"silver/quarantine_ratings"}
    assert lakehouse.version("silver/ratings") == before
    assert select("silver/etl_report").success


@pytest.mark.slow
def test_a_drift_score_asked_for_alone_leaves_no_report_to_act_on(select: Select, settings: Settings) -> None:
    def reports() -> set[Path]:
        return set(settings.storage.root.glob("drift/**/*.json"))

    (settings.storage.landing).mkdir(exist_ok=True)
    (settings.storage.landing / "more.csv").write_text(NEWS.replace("9.0", "2.0"))
    select("stream/ratings")
    before = reports()
    assert made(select("drift/data_drift,drift/model_drift")) == {"drift/data_drift", "drift/model_drift"}
    assert reports() == before
    select("drift/report")
    assert reports() > before


def test_any_asset_can_be_planned_without_those_it_is_made_beside() -> None:
    job = DEFINITIONS.resolve_implicit_global_asset_job_def()
    for selection in selections("X", "+X", "X+", "++X"):
        keys = {dg.AssetKey(key.split("/")) for key in keys_of(selection)}
        assert job.get_subset(asset_selection=keys).asset_layer.selected_asset_keys == keys


def test_selections_may_be_listed_and_say_what_dagsters_say() -> None:
    assert keys_of("+silver/movies, bronze/tags") == {"bronze/movies", "bronze/tags", "silver/movies"}
    tables = (
        "exposures",
        "recommendations_als",
        "recommendations_fresh",
        "recommendations_why",
        "similar_movies",
        "trending",
    )
    assert keys_of("group:gold") == {f"gold/{name}" for name in tables}
    assert keys_of("*") == set(ASSETS)


@pytest.mark.parametrize(
    ("selection", "complaint"),
    [
        ("+silver/ratngs", r"no asset 'silver/ratngs'\. The nearest: silver/ratings"),
        ("silver/*", r"no asset 'silver/'\. The nearest: silver/"),
        ("kind:none", r"'kind:none' selects no asset"),
        ("kind::", r"'kind::' is no selection"),
    ],
)
def test_a_selection_of_nothing_is_refused(selection: str, complaint: str) -> None:
    with pytest.raises(RunRequestError, match=complaint):
        selected_assets(GRAPH, [selection])
