"""A run that a Dagster elsewhere makes: what it is asked, what comes of its events, and who ends it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg
import pytest

from reco_assets.runner import in_dagster
from reco_assets.runner.in_dagster import Caller, NoSuchLocationError, check_in_dagster, materialize_in_dagster
from reco_assets.runner.run import BLOCKED, ChecksFailedError, RunFailedError
from reco_assets.runner.selection import RunRequestError
from resources.orchestrator.webserver import Location, Page, Webserver, WebserverError
from resources.settings import Settings, load_settings

KEY = {"assetKey": {"path": ["silver", "ratings"]}}
MADE = {
    "__typename": "MaterializationEvent",
    **KEY,
    "metadataEntries": [
        {"label": "dagster/row_count", "intRepr": "5000000000"},
        {"label": "rmse", "floatRepr": "0.5"},
        {"label": "figures", "jsonString": '{"a": 1}'},
        {"label": "columns", "__typename": "TableSchemaMetadataEntry"},
    ],
}
SUCCEEDED = {"__typename": "RunSuccessEvent"}


def checked(passed: bool) -> dict[str, Any]:
    found = {"checkName": "nulls", "success": passed, "severity": "ERROR", "description": "2 nulls"}
    return {"__typename": "AssetCheckEvaluationEvent", "evaluation": {**KEY, **found, "metadataEntries": []}}


def failed(name: str, message: str) -> list[dict[str, Any]]:
    error = {"className": name, "message": "Error occurred while executing op", "cause": {"message": message}}
    step = {"__typename": "ExecutionStepFailureEvent", "stepKey": "silver__ratings", "error": error}
    return [step, {"__typename": "RunFailureEvent", "message": "Steps failed"}]


@dataclass(frozen=True)
class Scripted(Webserver):
    """A web server that answers by a script, and remembers what it was asked."""

    url: str = "http://127.0.0.1:3000"
    pages: Sequence[Page | BaseException] = ()
    at_work: str | None = None
    on_launch: BaseException | None = None
    asked: list[Any] = field(default_factory=list)
    answers: list[Iterator[Any]] = field(default_factory=list)

    def locations(self) -> list[Location]:
        return [Location("reco_assets", "__repository__", frozenset({"silver/ratings"}))]

    def launch(self, params: Mapping[str, Any]) -> str:
        self.asked.append(params)
        if self.on_launch is not None:
            raise self.on_launch
        return "new"

    def run_at_work(self, _: Mapping[str, str], _within: float = 0.0) -> str | None:
        return "new" if self.asked else self.at_work

    def look(self, _run: str, _cursor: str | None) -> Page:
        if not self.answers:
            self.answers.append(iter(self.pages))
        page = next(self.answers[0])
        if isinstance(page, BaseException):
            raise page
        return page

    def terminate(self, run_id: str) -> None:
        self.asked.append(("terminate", run_id))


def ended(status: str, *events: Mapping[str, Any]) -> Scripted:
    return Scripted(pages=[Page("STARTED", [], "1", False), Page(status, events, "2", False)])


def build(_: Settings) -> dg.Definitions:
    @dg.asset(key=["silver", "ratings"])
    def ratings():  # type: ignore[no-untyped-def]
        ...

    @dg.asset_check(asset=["silver", "ratings"])
    def nulls():  # type: ignore[no-untyped-def]
        ...

    return dg.Definitions([ratings], asset_checks=[nulls])


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_dagster, "POLL_SECONDS", 0.0)


@pytest.fixture
def caller() -> Caller:
    return Caller(load_settings(), lambda _: None)


def make(server: Webserver, caller: Caller, *assets: str) -> Any:
    return materialize_in_dagster(server, build, caller, assets or ["silver/ratings"], {})


def test_the_outcome_holds_the_metadata_that_fits_into_json(caller: Caller) -> None:
    outcome = make(ended("SUCCESS", MADE, checked(True), SUCCEEDED), caller)
    assert outcome.run_id == "new"
    assert outcome.metadata["silver/ratings"] == {"dagster/row_count": 5 * 10**9, "rmse": 0.5, "figures": {"a": 1}}
    assert outcome.scalars["silver/ratings"] == {"dagster/row_count": 5 * 10**9, "rmse": 0.5}
    assert [(found.asset, found.name, found.passed) for found in outcome.checks] == [("silver/ratings", "nulls", True)]


def test_the_last_events_are_waited_for_where_the_status_comes_before_them(caller: Caller) -> None:
    pages = [Page("SUCCESS", [{"__typename": "ExecutionStepStartEvent", "stepKey": "a"}], "1", False)]
    server = Scripted(pages=[*pages, Page("SUCCESS", [MADE, SUCCEEDED], "2", False)])
    assert "silver/ratings" in make(server, caller).metadata


def test_a_run_takes_its_turn_and_says_which_task_asked(caller: Caller) -> None:
    variables = {"airflow_ctx_dag_id": "d", "airflow_ctx_dag_run_id": "r", "airflow_ctx_task_id": "t"}
    settings = load_settings(rating_threshold=3.5, lakehouse_path="/nowhere", **variables)
    server = ended("SUCCESS", SUCCEEDED)
    make(server, replace(caller, settings=settings))
    (params,) = server.asked
    tags = {tag["key"]: tag["value"] for tag in params["executionMetadata"]["tags"]}
    assert tags["reco/heavy"] == "true"
    assert (tags["airflow/dag_id"], tags["airflow/task_id"], tags["dagster/max_retries"]) == ("d", "t", "0")
    assert {name: value for name, value in tags.items() if name.startswith("reco/set/")} == {
        "reco/set/RATING_THRESHOLD": "3.5"
    }
    assert params["selector"]["assetSelection"] == [{"path": ["silver", "ratings"]}]


def test_the_attempt_after_a_killed_worker_waits_for_the_run_at_work_instead_of_a_second(caller: Caller) -> None:
    server = replace(ended("SUCCESS", SUCCEEDED), at_work="earlier")
    assert make(server, caller).run_id == "earlier"
    assert server.asked == []


def test_who_is_ended_while_waiting_ends_the_run(caller: Caller) -> None:
    server = Scripted(pages=[KeyboardInterrupt(), Page("CANCELED", [], "1", False)])
    with pytest.raises(KeyboardInterrupt):
        make(server, caller)
    assert server.asked[-1] == ("terminate", "new")


def test_who_is_ended_while_the_run_is_asked_for_ends_it_too(caller: Caller) -> None:
    server = Scripted(pages=[Page("CANCELED", [], "1", False)], on_launch=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        make(server, caller)
    assert server.asked[-1] == ("terminate", "new")


def test_a_failed_step_is_told_by_its_own_message(caller: Caller) -> None:
    server = ended("FAILURE", *failed("DagsterExecutionStepExecutionError", "resources.errors.RecoError: no disk\n"))
    with pytest.raises(RunFailedError, match=r"^silver__ratings: no disk$"):
        make(server, caller)


def test_a_run_that_only_a_check_failed_names_the_check(caller: Caller) -> None:
    server = ended("FAILURE", checked(False), *failed(BLOCKED, "1 blocking checks failed"))
    with pytest.raises(ChecksFailedError, match="silver/ratings: nulls: 2 nulls"):
        make(server, caller)


def test_checks_are_told_whatever_they_find(caller: Caller) -> None:
    server = ended("FAILURE", checked(False), *failed(BLOCKED, "1 blocking checks failed"))
    outcome = check_in_dagster(server, build, caller, ["nulls"])
    assert [found.passed for found in outcome.checks] == [False]
    named = {"assetKey": {"path": ["silver", "ratings"]}, "name": "nulls"}
    assert server.asked[0]["selector"]["assetCheckSelection"] == [named]


def test_a_run_that_was_cancelled_there_is_a_failure_here(caller: Caller) -> None:
    with pytest.raises(RunFailedError, match="was ended there: CANCELED"):
        make(ended("CANCELED", {"__typename": "RunCanceledEvent"}), caller)


def test_an_unknown_asset_is_refused_before_dagster_is_asked(caller: Caller) -> None:
    with pytest.raises(RunRequestError, match="no asset 'silver/raitngs'"):
        make(Webserver("http://127.0.0.1:1"), caller, "silver/raitngs")


def test_a_dagster_without_these_assets_says_what_it_has(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scripted, "locations", lambda _: [Location("other", "r", frozenset())])
    with pytest.raises(NoSuchLocationError, match="no code location with silver/ratings; it has: other"):
        make(Scripted(), caller)


@pytest.mark.parametrize("url", ["127.0.0.1:3000", "dagster", "file:///etc/passwd"])
def test_what_is_no_address_of_a_web_server_is_refused(url: str) -> None:
    with pytest.raises(WebserverError, match="give it as http://HOST:PORT"):
        Webserver(url)
