"""What runs and sensors log in this process: in Dagster's own form, or as JSON lines."""

from resources.orchestrator.dagster_private import console_of_runs, console_of_sensors
from resources.text.json_lines import json_console


def log_as(form: str) -> None:
    """Let every run and sensor of this process log in this form: `json`, or as before."""
    # Dagster asks the loggers of Definitions only where a run's configuration names them, which neither a selection of
    # assets nor a sensor's run does. All others, and sensors, get the console that it makes by this function.
    if form == "json":
        for module in (console_of_runs, console_of_sensors):
            vars(module)["create_console_logger"] = json_console
