"""What the groups of settings are made of: their base, and the kinds of value that more than one of them has."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo


class Group(BaseModel):
    """Settings that one room takes as its configuration; each field is one environment variable, its alias."""

    # Defaults are not validated: the cron rule would import Dagster, 0.7 s that `reco run --function` has no need of.
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=False, validate_by_name=True
    )

    @classmethod
    def variables(cls) -> dict[str, tuple[str, FieldInfo]]:
        """{environment variable: name of its field, the field}."""
        return {str(field.alias): (name, field) for name, field in cls.model_fields.items()}


def below(prefix: str) -> Callable[[str], str]:
    """Names a field's variable: its name in upper case behind the prefix, where the field has no alias of its own."""
    return lambda name: f"{prefix}{name}".upper()


def without_scheme(value: Any) -> Any:
    """A path as it came. Raises `ValueError` for a URL, which would be taken for a folder of that name."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/|(?i:s3[an]?|gs|abfss?|wasbs?|hdfs|file):", str(value)):
        raise ValueError("a path of this machine or of a file system mounted here; URLs are not supported")
    return value


def _in_a_known_home(value: Any) -> Any:
    """A path as it came. Raises `ValueError` where it begins with `~` and a user that this machine doesn't know."""
    try:
        Path(str(value)).expanduser()
    except RuntimeError:
        raise ValueError("a path; the user after its '~' is not known on this machine") from None
    return value


LocalPath = Annotated[Path, BeforeValidator(_in_a_known_home), BeforeValidator(without_scheme)]
Seed = Annotated[int, Field(alias="RECO_SEED", ge=0, lt=2**31)]
SEED = 42
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
PositiveNumber = Annotated[float, Field(gt=0.0)]
Positive = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
Stars = Annotated[float, Field(ge=0.5, le=5.0)]


def _limit(value: Any) -> Any:
    """What switches a trigger. Raises `ValueError` for what is neither a number above 0 nor 'off'."""
    try:
        if value in (None, "off") or 0 < float(value) < math.inf:
            return value
    except (TypeError, ValueError):
        pass
    raise ValueError("a number greater than 0, or 'off'")


Limit = Annotated[float | Literal["off"] | None, BeforeValidator(_limit)]
Samples = Annotated[int, Field(ge=199, le=100_000)]


def _is_one_name(value: str) -> str:
    if "/" in value or "\0" in value or value in (".", ".."):
        raise ValueError("one name without '/', as a file is named after it")
    return value


Name = Annotated[str, AfterValidator(_is_one_name)]


def can_be_registered(value: str) -> str:
    """A name as it came. Raises `ValueError` for one that can't be registered.

    MLflow refuses '/' and ':' after the training; a quote would end its searches by name.
    """
    if not re.fullmatch(r"[\w.-]([\w. -]{0,254}[\w.-])?", value):
        raise ValueError("a name of letters, digits, '.', '_', '-' and spaces inside, as MLflow registers models by it")
    return value
