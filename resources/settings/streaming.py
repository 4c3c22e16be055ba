"""How new ratings are taken in, and how sensors start what follows."""

from typing import Annotated

from pydantic import Field

from resources.settings.group import Group, NotNegative, Positive, below


class StreamingSettings(Group, alias_generator=below("INTAKE_")):
    """When a landed file is complete, how many one run takes, and which share of a batch is for training."""

    train_ratio: Annotated[float, Field(alias="STREAM_TRAIN_RATIO", gt=0.0, lt=1.0)] = 0.8
    max_files: Positive = 1000
    quiet_seconds: Annotated[int, Field(ge=0, le=86_400)] = 10
    alert_seconds: NotNegative = 300


class SensorSettings(Group, alias_generator=below("RUN_")):
    """How often sensors look, and how often and how soon they start a failed run again."""

    interval_seconds: Annotated[Positive, Field(alias="SENSOR_INTERVAL_SECONDS")] = 5
    max_attempts: Positive = 3
    backoff_seconds: NotNegative = 30
