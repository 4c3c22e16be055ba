"""Which engine runs the tables' code, and how Spark is reached."""

import os
import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from resources.settings.group import Group, NotNegative, Positive, below

EngineName = Literal["embedded", "spark"]


def _has_a_unit(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*[kmgt]", value, re.IGNORECASE):
        raise ValueError("a size with its unit such as '4g' or '512m'")
    return value


class EngineSettings(Group, alias_generator=below("SPARK_")):
    """The engine asked for, and Spark's master or remote, memory and partitions; how many rows it leaves to memory."""

    choice: Annotated[Literal["auto", "embedded", "spark"], Field(alias="RECO_ENGINE")] = "auto"
    master: str | None = None
    remote: SecretStr | None = None
    driver_memory: Annotated[str, AfterValidator(_has_a_unit)] = "4g"
    shuffle_partitions: Positive | None = None
    in_memory_rows: NotNegative = 5_000_000

    @cached_property
    def name(self) -> EngineName:
        """`auto` is `spark` where a master or remote is configured or the code runs under spark-submit."""
        if self.choice != "auto":
            return self.choice
        submitted = "PYSPARK_GATEWAY_PORT" in os.environ
        return "spark" if submitted or self.master or self.remote else "embedded"
