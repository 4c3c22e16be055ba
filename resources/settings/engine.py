"""Which engine runs the tables' code, and how Spark is reached."""

import json
import os
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from resources.loopback import LOOPBACK
from resources.settings.group import Group, NotNegative, Positive, below

EngineName = Literal["embedded", "spark"]


def _has_a_unit(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*[kmgt]", value, re.IGNORECASE):
        raise ValueError("a size with its unit such as '4g' or '512m'")
    return value


def _is_a_master(value: str) -> str:
    if not re.fullmatch(rf"{LOCAL}|yarn|k8s://.+|spark://{PLACE}(,{PLACE})*", value):
        raise ValueError("a master such as 'spark://host:7077', 'yarn' or 'local[2]'")
    return value


def _is_a_remote(value: SecretStr) -> SecretStr:
    # Spark would start a server of its own for a master's address.
    if not re.fullmatch(r"sc://[^/;]+(/.*)?", value.get_secret_value()):
        raise ValueError("the address of a Spark Connect server such as 'sc://host:15002'")
    return value


LOCAL = r"local(\[(\*|[1-9][0-9]*)(, *[1-9][0-9]*)?\])?"
PLACE = r"[^/,]+:[0-9]+"
Size = Annotated[str, AfterValidator(_has_a_unit)]


def _pairs(value: Any) -> Any:
    """{name: value} of a JSON object, or of `name=value` between semicolons. Raises `ValueError` with the rule."""
    if not isinstance(value, str):
        return value
    try:
        found = (
            json.loads(value)
            if value.lstrip().startswith("{")
            else dict(_split(p) for p in value.split(";") if p.strip())
        )
    except ValueError:
        found = {"": value}
    plain = all(isinstance(given, str | int | float) for given in found.values())
    if not plain or not all(re.fullmatch(r"spark\.\S+", name) for name in found):
        raise ValueError("Spark's own settings, as 'spark.a=1;spark.b=2' or as a JSON object, all named 'spark.…'")
    if found.keys() & {"spark.master", "spark.remote"}:  # much else depends on where Spark is
        raise ValueError("without spark.master and spark.remote: those are SPARK_MASTER and SPARK_REMOTE")
    return {name: _word(given) for name, given in found.items()}


def _split(pair: str) -> tuple[str, str]:
    name, value = pair.split("=", 1)
    return name.strip(), value.strip()


def _word(value: Any) -> str:
    """As Spark writes it: true and not True."""
    return value if isinstance(value, str) else json.dumps(value)


class EngineSettings(Group, alias_generator=below("SPARK_")):
    """The engine asked for; Spark's master or remote, what it gets of a cluster, and anything else it is to be told."""

    choice: Annotated[Literal["auto", "embedded", "spark"], Field(alias="RECO_ENGINE")] = "auto"
    master: Annotated[str, AfterValidator(_is_a_master)] | None = None
    remote: Annotated[SecretStr, AfterValidator(_is_a_remote)] | None = None
    driver_memory: Size = "4g"
    executor_memory: Size | None = None
    executor_cores: Positive | None = None
    cores_max: Positive | None = None
    dynamic_allocation: Literal["on", "off"] = "off"
    conf: Annotated[Mapping[str, str], BeforeValidator(_pairs), Field(repr=False)] = {}  # may hold a secret
    shuffle_partitions: Positive | None = None
    in_memory_rows: NotNegative = 5_000_000

    @property
    def is_local(self) -> bool:
        """Whether what runs the engine's work is on this machine, in this process's own session."""
        here = not self.remote and bool(re.fullmatch(LOCAL, self.master or "local"))
        return self.name == "embedded" or here

    @property
    def is_on_loopback(self) -> bool:
        """Whether nobody on another machine has to reach this process's session."""
        host = urlsplit(self.master or "").hostname
        return self.is_local or host in LOOPBACK

    @cached_property
    def name(self) -> EngineName:
        """`auto` is `spark` where a master or remote is configured or the code runs under spark-submit."""
        if self.choice != "auto":
            return self.choice
        submitted = "PYSPARK_GATEWAY_PORT" in os.environ
        return "spark" if submitted or self.master or self.remote else "embedded"
