"""What can be asked of a table. What doesn't belong here: what is asked of which table, and how it is measured."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from pyspark.sql.types import ArrayType, StructType

from reco_assets.quality import kinds


class Empty(Enum):
    """What it means that a table has no rows."""

    ERROR = "error"
    WARNING = "warning"
    FINE = "fine"


@dataclass(frozen=True)
class AtLeast:
    """Of a rule: its column, whole numbers, holds nothing lower."""

    lowest: int

    def holds(self, column: str) -> str:
        """The rule in SQL."""
        return f"{column} >= {self.lowest}"


@dataclass(frozen=True)
class UntilNow:
    """Of a rule: its column, times, holds none after now and the skew of clocks."""

    def holds(self, column: str) -> str:
        """The rule in SQL."""
        return f"unix_seconds({column}) <= {{latest}}"


@dataclass(frozen=True)
class Calendar:
    """Of a rule: its column, named year or month, is that of a time."""

    time: str

    def holds(self, column: str) -> str:
        """The rule in SQL, whose functions have the names of the columns."""
        return f"{column} = {column}({self.time})"


@dataclass(frozen=True)
class FewValues:
    """Of a rule: its column holds no others than these few values, all words or all numbers.

    So it is told from how often each is there.
    """

    values: tuple[str | float, ...]

    def holds(self, column: str) -> str:
        """The rule in SQL."""
        if isinstance(self.values[0], str):
            words = ", ".join(f"'{value}'" for value in self.values)
            return f"{column} IN ({words})"
        # Doubles, each by name: with decimals, or a floor, Sail raises "Cannot cast to Decimal" on NaN.
        numbers = ", ".join(f"{value}D" for value in self.values)
        return f"CAST({column} AS DOUBLE) IN ({numbers})"


@dataclass(frozen=True)
class YearsUntil:
    """Of a rule: its column holds years from a first one to so many after the current one."""

    first: int
    ahead: int

    def holds(self, column: str) -> str:
        """The rule in SQL."""
        return f"{column} BETWEEN {self.first} AND {{year}} + {self.ahead}"


@dataclass(frozen=True)
class NotEmpty:
    """Of a rule: its column holds no empty text."""

    def holds(self, column: str) -> str:
        """The rule in SQL."""
        return f"{column} <> ''"


@dataclass(frozen=True)
class HasEntries:
    """Of a rule: its column holds no empty list."""

    def holds(self, column: str) -> str:
        """The rule in SQL."""
        return f"size({column}) >= 1"


@dataclass(frozen=True)
class EachRow:
    """Of a rule: nothing but a look at each row, in SQL, tells whether it holds."""

    sql: str

    def holds(self, _: str) -> str:
        """The rule in SQL."""
        return self.sql


Shape = AtLeast | UntilNow | YearsUntil | NotEmpty | Calendar | FewValues | HasEntries | EachRow


@dataclass(frozen=True)
class Rule:
    """What must hold in every row whose `columns` are not null; the shape is about the first of them.

    With `warns` a broken rule is a warning.
    """

    name: str
    columns: tuple[str, ...]
    shape: Shape
    warns: bool = False

    @property
    def holds(self) -> str:
        """The rule in SQL that both engines know.

        `{latest}` stands for the last Unix second that is not in the future, `{year}` for the current year.
        """
        return self.shape.holds(self.columns[0])


@dataclass(frozen=True)
class Reference:
    """Every id that `ids`, SQL over `column`, gives must be in `key` of another table."""

    column: str
    ids: str
    table: str
    key: str


@dataclass(frozen=True)
class Bins:
    """Equally wide bins of a column: `count` of them, the first around `start`; what lies outside is not counted."""

    column: str
    start: float
    width: float
    count: int

    def edges(self, at: int) -> tuple[float, float]:
        """Where a bin begins and where the next one does."""
        start = self.start + at * self.width
        return float(start), float(start + self.width)

    @property
    def labels(self) -> list[str]:
        """The value at the start of each bin."""
        return [f"{self.start + self.width * at:g}" for at in range(self.count)]


@dataclass(frozen=True)
class Raters:
    """The columns that say who rated when; a user's pace is told from them."""

    user: str
    time: str


@dataclass(frozen=True)
class Declaration:
    """All that is asked of one table.

    `may_shrink` and `may_grow` are the shares by which its rows may change from one version to the next; None: by any.
    """

    table: str
    columns: StructType
    required: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    key: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    distributions: tuple[Bins, ...] = ()
    raters: Raters | None = None
    empty: Empty = Empty.ERROR
    may_be_absent: bool = False
    may_shrink: float | None = 0.5
    may_grow: float | None = None

    @property
    def counted(self) -> tuple[str, ...]:
        """The columns of few different values: what is asked of them is told from how often each value is there."""
        ruled = (rule.columns[0] for rule in self.rules if isinstance(rule.shape, FewValues))
        return tuple(dict.fromkeys([*(bins.column for bins in self.distributions), *ruled]))

    @property
    def lists(self) -> tuple[str, ...]:
        """The required columns of lists."""
        return tuple(name for name in self.required if isinstance(self.columns[name].dataType, ArrayType))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of check that there is something to check for."""
        asked: Mapping[str, object] = {
            kinds.SCHEMA: True,
            kinds.NULLS: self.required,
            kinds.RANGES: self.rules,
            kinds.REFERENCES: self.references,
            kinds.ROW_COUNT: True,
            kinds.DISTRIBUTIONS: self.distributions,
            kinds.DUPLICATES: self.key,
            kinds.OUTLIERS: self.raters,
        }
        return tuple(kind for kind in kinds.KINDS if asked[kind])

    def limited_to(self, columns: Collection[str]) -> "Declaration":
        """The same without what needs other columns than these: what can be measured where some are missing."""
        raters = self.raters
        return replace(
            self,
            required=tuple(name for name in self.required if name in columns),
            rules=tuple(rule for rule in self.rules if set(rule.columns) <= set(columns)),
            key=self.key if set(self.key) <= set(columns) else (),
            references=tuple(reference for reference in self.references if reference.column in columns),
            distributions=tuple(bins for bins in self.distributions if bins.column in columns),
            raters=raters if raters and {raters.user, raters.time} <= set(columns) else None,
        )
