"""What the code allows of every setting, as one more column of the page that says what they mean."""

import re
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from resources.settings import VARIABLES

ROW = re.compile(r"^\| (`[A-Z][A-Z0-9_]*`(?:, `[A-Z][A-Z0-9_]*`)*) \| (.*?) \|", re.MULTILINE)
_KINDS = {int: "whole number", float: "number", str: "text", Path: "path", SecretStr: "text, kept secret"}
_LIMITS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def with_allowed(markdown: str) -> str:
    """The page of settings with what each may be, behind its default."""
    titled = markdown.replace("| variable | default | meaning |", "| variable | default | may be | meaning |")
    return ROW.sub(_row, titled.replace("|---|---|---|", "|---|---|---|---|", 1))


def _row(found: re.Match[str]) -> str:
    names = found[1].replace("`", "").split(", ")
    several = list(dict.fromkeys(allowed(VARIABLES[name]) for name in names))
    return f"| {found[1]} | {found[2]} | {'; '.join(several)} |"


def allowed(field: FieldInfo) -> str:
    """What a setting may be, in words."""
    return " or ".join(dict.fromkeys(_words(field.annotation, field.metadata)))


def _words(kind: Any, metadata: Sequence[Any] = ()) -> list[str]:
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *beside = get_args(kind)
        known = [limit for each in beside for limit in getattr(each, "metadata", [each])]
        return _words(inner, [*metadata, *known])
    if origin in (Union, types.UnionType):
        return [word for part in get_args(kind) if part is not type(None) for word in _words(part, metadata)]
    if origin is Literal:
        return [f"`{value}`" for value in get_args(kind)]
    limits = [
        f"{sign} {getattr(each, key):,}" for each in metadata for key, sign in _LIMITS.items() if hasattr(each, key)
    ]
    return [" ".join([_KINDS.get(kind, "text"), ", ".join(limits)]).strip()]
