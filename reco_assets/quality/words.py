"""What is asked of a table's rows, in words: of single columns, and of several together. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from reco_assets.quality.declaration import Declaration, Reference, Rule


def in_words(declaration: Declaration) -> tuple[Mapping[str, Sequence[str]], Sequence[str]]:
    """The rules and references of a declaration: those of one column by its name, and those of several."""
    of_columns: dict[str, list[str]] = defaultdict(list)
    for rule in declaration.rules:
        if len(rule.columns) == 1:
            of_columns[rule.columns[0]].append(_said(rule).removeprefix(f"{rule.columns[0]} "))
    for reference in declaration.references:
        of_columns[reference.column].append(_named(reference))
    return dict(of_columns), [_said(rule) for rule in declaration.rules if len(rule.columns) > 1]


def _said(rule: Rule) -> str:
    return f"{rule.name} (else a warning)" if rule.warns else rule.name


def _named(reference: Reference) -> str:
    return f"names {reference.key} of {reference.table} (else a warning)"
