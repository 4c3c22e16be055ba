"""The Grafana dashboard asks for figures that somebody tells."""

import json
import re
from pathlib import Path

import dagster as dg
import yaml

from reco_assets.monitoring.causes import Causes
from reco_assets.monitoring.figures import all_figures
from resources.settings import load_settings

REPO = Path(__file__).resolve().parents[2]
DASHBOARD = REPO / "deploy" / "grafana" / "dashboards" / "reco.json"
PROMETHEUS = REPO / "deploy" / "prometheus.yml"
SERVING = REPO / "reco_assets" / "serving" / "metrics.py"


def test_every_figure_of_the_dashboard_is_one_that_is_told(tmp_path: Path) -> None:
    asked = {
        name
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel["targets"]
        for name in re.findall(r"reco_\w+", target["expr"])
    }
    settings = load_settings(lakehouse_path=tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        told = {f"reco_{figure.name}" for figure in all_figures(settings, instance, Causes(print))}
    drift = {"reco_drift_score", "reco_drift_calls_for_retraining"}  # told once there is a report
    serving = set(re.findall(r'"(reco_serving_\w+)"', SERVING.read_text()))
    serving |= {f"{name}_total" for name in serving} | {f"{name}_bucket" for name in serving}
    assert asked <= told | drift | serving
    assert asked >= {"reco_runs", "reco_batch_lag_seconds", "reco_model_age_seconds"}


def test_the_name_of_a_job_is_still_called_job_in_prometheus() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]}
    by_job = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if "{{job}}" in json.dumps(panel)]
    assert by_job
    # Prometheus has a label of that name itself, which else wins: each line was called "metrics".
    assert jobs["metrics"]["honor_labels"]
