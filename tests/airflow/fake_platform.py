"""Stands for the platform's commands: writes down how it was called, and answers as the test's scenario says.

First argument: the name of the command it stands for. The scenario is a JSON object by task id:
`exit_codes` of the attempts, `output` instead of the result, more `result`, a file to `wait_for`.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

PATIENCE = 60  # seconds
PASSED_ON = (
    "AIRFLOW_CTX_",
    "RECO_",
    "LAKE",
    "TRAINING_",
    "RATING_",
    "MODEL_",
    "MLFLOW_",
    "WORKSPACE",
    "PUBLISH_",
    "KAFKA_",
    "DATA_LAKE_",
    "FEATURE_STORE_",
)  # variables worth writing down


def main(name: str, *arguments: str) -> int:
    """Answers one call."""
    folder = Path(os.environ["FAKE_PLATFORM"])
    context = {key: value for key, value in os.environ.items() if key.startswith(PASSED_ON)}
    task, attempt = context["AIRFLOW_CTX_TASK_ID"], int(context["AIRFLOW_CTX_TRY_NUMBER"])
    plan = json.loads((folder / "scenario.json").read_text()).get(task, {})
    call = {"command": name, "arguments": arguments, "task": task, "pid": os.getpid(), "environment": context}
    with (folder / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(call) + "\n")
    print(f"{name} works on {task}", file=sys.stderr, flush=True)
    _wait_for(plan.get("wait_for"))
    codes = plan.get("exit_codes", [])
    if attempt <= len(codes) and codes[attempt - 1]:
        print(f"{task} can't be done", file=sys.stderr)
        return int(codes[attempt - 1])
    text = plan.get("output", json.dumps(_result(arguments) | plan.get("result", {})))
    if name == "spark-submit":
        _leave(text, context)
    else:
        print(text)
    return 0


def _wait_for(path: str | None) -> None:
    deadline = time.monotonic() + PATIENCE
    while path and not Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def _result(arguments: tuple[str, ...]) -> dict[str, Any]:
    if "--function" in arguments:
        name = arguments[arguments.index("--function") + 1]
        return {"function": name, "value": f'/models/it\'s "{name}"'}
    return {"run_id": "a-run", "assets": {"silver/ratings": {"delta_version": 3, "row_count": 100}}}


def _leave(text: str, context: dict[str, str]) -> None:
    ids = (context[f"AIRFLOW_CTX_{name}"] for name in ("DAG_ID", "DAG_RUN_ID"))
    folder = Path(context["RECO_RESULTS_PATH"], *ids)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{context['AIRFLOW_CTX_TASK_ID']}.json").write_text(text)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
