"""A running Dagster by its web server's GraphQL: runs are asked for, watched and ended, from a process without Dagster.

Standard library only, as each question is one POST: Dagster's own client can name neither checks nor a run's events.
"""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from resources.errors import RecoError

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 120.0  # of a web server that is restarted meanwhile
REQUEST_SECONDS = 30.0  # the first question waits for the code location, 5 s of it
LOST_SECONDS = 30.0  # after a launch whose answer is lost: how long its run may be in the making
PROXY_WAITS = (502, 503, 504)  # what a proxy says while the server behind it is started again
LAUNCH_TAG = "reco/launch"
AT_WORK = ("QUEUED", "NOT_STARTED", "MANAGED", "STARTING", "STARTED", "CANCELING")

_METADATA = """metadataEntries { __typename label
  ... on IntMetadataEntry { intRepr } ... on FloatMetadataEntry { floatRepr } ... on BoolMetadataEntry { boolValue }
  ... on TextMetadataEntry { text } ... on PathMetadataEntry { path } ... on JsonMetadataEntry { jsonString } }"""
_CAUSE = "message className cause { message className cause { message className cause { message className } } }"
LOCATIONS = """{ repositoriesOrError { __typename ... on PythonError { message } ... on RepositoryConnection { nodes {
  name location { name } assetNodes { assetKey { path } } } } } }"""
LAUNCH = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on RunConfigValidationInvalid { errors { message } }
  ... on Error { message } } }"""
RUNS = """query ($filter: RunsFilter!) { runsOrError(filter: $filter, limit: 1) { __typename
  ... on Error { message } ... on Runs { results { runId } } } }"""
EVENTS = f"""query ($run: ID!, $cursor: String) {{
  runOrError(runId: $run) {{ __typename ... on Error {{ message }} ... on Run {{ status }} }}
  logsForRun(runId: $run, afterCursor: $cursor) {{ __typename ... on Error {{ message }} ... on EventConnection {{
    cursor hasMore events {{ __typename ... on MessageEvent {{ stepKey message }}
      ... on MaterializationEvent {{ assetKey {{ path }} {_METADATA} }}
      ... on AssetCheckEvaluationEvent {{
        evaluation {{ checkName assetKey {{ path }} success severity description {_METADATA} }} }}
      ... on ExecutionStepFailureEvent {{ error {{ {_CAUSE} }} }}
      ... on RunFailureEvent {{ error {{ {_CAUSE} }} }} }} }} }} }}"""
TERMINATE = """mutation ($run: String!) { terminateRun(runId: $run) { __typename ... on Error { message } } }"""


class WebserverError(RecoError):
    """Dagster's web server can't be asked, or refuses; the message names its address and says what to do."""


class _AwayError(WebserverError):
    """It did not answer: it may be started again. `sent`: it may have got the question, and acted on it."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(frozen=True)
class Location:
    """A code location, by the names under which its assets are asked for; keys are with slashes."""

    name: str
    repository: str
    assets: frozenset[str]


@dataclass(frozen=True)
class Page:
    """What has happened in a run since the last look: its status now, and its events, oldest first."""

    status: str
    events: Sequence[Mapping[str, Any]]
    cursor: str
    more: bool


@dataclass(frozen=True)
class Webserver:
    """Dagster's web server at an address (http://127.0.0.1:3000).

    Each question waits `PATIENCE_SECONDS` for a server that does not answer. Raises `WebserverError`.
    """

    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WebserverError(f"{self.url!r} is no address of Dagster's web server: give it as http://HOST:PORT.")

    def locations(self) -> list[Location]:
        """The code locations that are loaded."""
        found = self._ask(LOCATIONS, {}, "repositoriesOrError")["nodes"]
        return [
            Location(each["location"]["name"], each["name"], frozenset(map(slashed, each["assetNodes"])))
            for each in found
        ]

    def launch(self, params: Mapping[str, Any]) -> str:
        """Put a run into Dagster's queue by GraphQL's ExecutionParams; returns its id.

        GraphQL takes no id of ours, so the run has a tag of this launch alone: where the answer is lost, the run that
        it names is looked for before one is asked for again.
        """
        mark = {LAUNCH_TAG: uuid4().hex}
        metadata = params["executionMetadata"]
        marked = {**params, "executionMetadata": {**metadata, "tags": [*metadata["tags"], *_named(mark)]}}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return str(self._own(self._post(LAUNCH, {"params": marked}), "launchRun")["run"]["runId"])
            except _AwayError as error:
                if error.sent and (made := self._awaited({"tags": _named(mark)}, LOST_SECONDS)) is not None:
                    return made
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)

    def run_at_work(self, tags: Mapping[str, str], within: float = 0.0) -> str | None:
        """The newest run with these tags that has not ended, by its id; waited for so many seconds."""
        return self._awaited({"tags": _named(tags), "statuses": AT_WORK}, within)

    def _awaited(self, runs: Mapping[str, Any], within: float) -> str | None:
        """The newest run of GraphQL's RunsFilter, by its id; waited for so many seconds, as it may be in the making."""
        deadline = time.monotonic() + within
        while not (found := self._ask(RUNS, {"filter": runs}, "runsOrError")["results"]):
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL_SECONDS)
        return str(found[0]["runId"])

    def look(self, run_id: str, cursor: str | None) -> Page:
        """A run's status, and its events after a cursor."""
        answer = self._answer(EVENTS, {"run": run_id, "cursor": cursor})
        status, logs = (self._own(answer, name) for name in ("runOrError", "logsForRun"))
        return Page(status["status"], logs["events"], logs["cursor"], logs["hasMore"])

    def terminate(self, run_id: str) -> None:
        """Ask for the end of a run: it ends its step, and is cancelled. A run that has ended stays as it is."""
        self._answer(TERMINATE, {"run": run_id})

    def _ask(self, query: str, variables: Mapping[str, Any], field: str) -> Mapping[str, Any]:
        return self._own(self._answer(query, variables), field)

    def _own(self, answer: Mapping[str, Any], field: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = answer[field]
        said = [error["message"] for error in (*found.get("errors", ()), found) if "message" in error]
        if said:
            raise WebserverError(f"Dagster at {self.url} refused: {' '.join(said)}")
        return found

    def _answer(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._post(query, variables)
            except _AwayError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)

    def _post(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url.rstrip('/')}/graphql", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in PROXY_WAITS:
                raise self._away(error, sent=True) from None
            raise WebserverError(f"Dagster at {self.url} answered {error.code}: {_short(error)}") from None
        except urllib.error.URLError as error:  # of connecting and sending alone
            raise self._away(error, sent=False) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._away(error, sent=True) from None
        if errors := document.get("errors"):
            raise WebserverError(f"Dagster at {self.url} refused: {errors[0]['message']}")
        found: Mapping[str, Any] = document["data"]
        return found

    def _away(self, error: Exception, *, sent: bool) -> _AwayError:
        return _AwayError(
            f"Dagster at {self.url} did not answer for {PATIENCE_SECONDS:.0f} s ({error}). "
            "Start its web server, or give the address where it is.",
            sent=sent,
        )


def _named(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as GraphQL takes them."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def slashed(node: Mapping[str, Any]) -> str:
    """The asset's key of a GraphQL object, with slashes."""
    return "/".join(node["assetKey"]["path"])


def metadata_of(node: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a GraphQL object as plain values, of the kinds that fit into JSON."""
    values = {entry["label"]: _value(entry) for entry in node["metadataEntries"]}
    return {label: value for label, value in values.items() if value is not None}


def _value(entry: Mapping[str, Any]) -> Any:
    match entry:
        case {"intRepr": text}:  # GraphQL's own integers end at 32 bits
            return int(text)
        case {"floatRepr": text}:
            return float(text)
        case {"jsonString": text}:
            return json.loads(text)
        case {"boolValue": value} | {"text": value} | {"path": value}:
            return value
    return None


def _short(error: urllib.error.HTTPError) -> str:
    return " ".join(error.read(500).decode(errors="replace").split()) or str(error.reason)
