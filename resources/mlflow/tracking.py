"""dagster-mlflow's resource, for assets that log to MLflow as it documents: `mlflow_tracking.log_metric("rmse", 0.87)`.

All that a Dagster run logs is one run of MLflow, tagged with the Dagster run's id. Nothing is imported or asked before
the first call. Each call has MLflow's deadline; after the first that MLflow did not answer the others return None.
"""

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import Empty, Queue
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from resources.calls.outside import STARTUP_SECONDS, OutsideError, nobody_answered
from resources.mlflow.client import OPENING_SECONDS, configure, with_driver
from resources.mlflow.mirror import MlflowTracking
from resources.text.masking import masked

if TYPE_CHECKING:
    import dagster as dg

_Call = tuple[Callable[[], Any], "Queue[tuple[Any, Exception | None]]"]
URI = "MLFLOW_TRACKING_URI"


@dataclass
class _Thread:
    """Runs calls one after another in a thread of its own, as MLflow keeps the active run by thread.

    A call that is late cannot be ended, but its thread does not keep the process alive, and does nothing after it.
    """

    late: bool = False
    _calls: "Queue[_Call]" = field(default_factory=Queue)
    _thread: threading.Thread | None = None

    def call(self, function: Callable[[], Any], seconds: float) -> Any:
        """What the function returns or raises. Raises `TimeoutError` when it is late."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True, name="mlflow_tracking")
            self._thread.start()
        answer: Queue[tuple[Any, Exception | None]] = Queue(1)
        self._calls.put((function, answer))
        try:
            value, error = answer.get(timeout=seconds)
        except Empty:
            self.late = True
            raise TimeoutError(f"there was no answer within {seconds:g} s") from None
        if error is not None:
            raise error
        return value

    def _work(self) -> None:
        while not self.late:
            function, answer = self._calls.get()
            try:
                answer.put((function(), None))
            except Exception as error:
                answer.put((None, error))


class MlflowInRun:
    """What `mlflow_tracking` is in an asset: dagster-mlflow's object, with deadlines."""

    def __init__(self, tracking: MlflowTracking, context: "dg.InitResourceContext") -> None:
        self._tracking, self._context = tracking, context
        self._thread, self._inner, self._away = _Thread(), None, False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._inner is None and not self._away:
            self._inner = self._attempt(self._start, STARTUP_SECONDS)
        if self._inner is None:
            return lambda *_, **__: None
        found = getattr(self._inner, name)
        if not callable(found):
            return found
        return lambda *arguments, **named: self._attempt(lambda: found(*arguments, **named), self._seconds)

    def end(self, status: str) -> None:
        """End the run in MLflow, if one was started."""
        if self._inner is not None:
            self.end_run(status)

    @property
    def _seconds(self) -> float:
        return float(self._tracking.settings.mlflow.timeout_seconds)

    def _start(self) -> Any:
        configure(self._seconds)
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # it may hold a password
        from dagster_mlflow.resources import MlFlow

        before = os.environ.get(URI)
        context = SimpleNamespace(
            log=self._context.log,
            dagster_run=self._context.dagster_run,
            run_id=self._context.run_id,
            resource_config={
                "experiment_name": self._tracking.name,
                "mlflow_tracking_uri": with_driver(self._tracking.uri),
            },
        )
        try:
            return MlFlow(context)  # type: ignore[no-untyped-call]
        finally:  # it names the server to child processes, for which it would be one that the user set
            os.environ.pop(URI, None)
            os.environ.update({} if before is None else {URI: before})

    def _attempt(self, call: Callable[[], Any], seconds: float) -> Any:
        """What a call returns; None, with a warning, where MLflow is away. Raises what else MLflow raises."""
        if self._away:
            return None
        try:
            if self._inner is None:
                self._tracking.require_experiment()  # in a process that ends with its deadline, and with its place
                seconds += OPENING_SECONDS
            return self._thread.call(call, seconds)
        except Exception as error:
            if not (isinstance(error, OutsideError) or nobody_answered(error)):
                raise
            self._away = True
            warnings.warn(
                masked(f"MLflow at {self._tracking.uri} was left out of this run: {error}"), UserWarning, stacklevel=3
            )
            return None


def mlflow_tracking(tracking: MlflowTracking) -> "dg.ResourceDefinition":
    """The resource. Its run in MLflow ends with the Dagster run, or with the step where each has its process."""
    import dagster as dg

    def in_run(context: dg.InitResourceContext) -> Iterator[MlflowInRun]:
        resource = MlflowInRun(tracking, context)
        yield resource
        resource.end("FAILED" if _has_failed(context) else "FINISHED")

    return dg.ResourceDefinition(in_run, description="dagster-mlflow's resource, started by its first call.")


def _has_failed(context: "dg.InitResourceContext") -> bool:
    """Whether a step of the run failed. dagster-mlflow's own hook would need the key that our registry has."""
    import dagster as dg

    if context.instance is None or context.run_id is None:
        return False
    return bool(context.instance.get_records_for_run(context.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records)
