"""How much of the past is kept."""

from typing import Annotated

from pydantic import Field

from resources.settings.experiments import LONGEST_DAYS
from resources.settings.group import Group, Positive, below


class MaintenanceSettings(Group, alias_generator=below("")):
    """Hours of tables' history, versions of models, files, and days of runs; None keeps them all."""

    retention_hours: Annotated[Positive, Field(alias="MAINTENANCE_RETENTION_HOURS")] = 168
    model_versions_kept: Positive | None = None
    archived_files_kept: Annotated[int, Field(ge=100)] = 100_000
    receipt_files_kept: Annotated[int, Field(ge=100)] = 10_000
    drift_reports_kept: Annotated[int, Field(ge=10)] = 1_000
    run_history_days: Positive = 30
    # Longer than the longest experiment, so that maintenance never takes what one that runs has shown.
    exposures_kept_days: Annotated[int, Field(ge=LONGEST_DAYS + 1)] = 400
