"""The kinds of check, which are the names of the checks."""

from collections.abc import Mapping

SCHEMA = "schema"
NULLS = "nulls"
RANGES = "ranges"
REFERENCES = "references"
ROW_COUNT = "row_count"
DISTRIBUTIONS = "distributions"
DUPLICATES = "duplicates"
OUTLIERS = "outliers"

DESCRIPTIONS: Mapping[str, str] = {
    SCHEMA: "The declared columns are there, with their types, and no others.",
    NULLS: "Required columns hold no nulls.",
    RANGES: "Values are within their ranges and steps, and no time lies in the future.",
    REFERENCES: "What a row names in another table is there.",
    ROW_COUNT: "The table has rows, and about as many as in its version before.",
    DISTRIBUTIONS: "Values are distributed as in the reference (PSI, Jensen-Shannon).",
    DUPLICATES: "No key occurs twice.",
    OUTLIERS: "No user rates faster than a person can, or far more than all others.",
}
KINDS = tuple(DESCRIPTIONS)

BLOCKING = frozenset({SCHEMA, NULLS, RANGES, ROW_COUNT, DUPLICATES})
"""The kinds that can find an error, which stops what is downstream in the same run."""
