"""Whole numbers in place of ids that are text. Pure.

A text's id is its place in the list of all texts that ever came, from 1: what is in the list stays where it is, and
new texts come behind it in their own order, so neither the order of files nor of rows matters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.sources.typed import MOST
from reco_assets.tombstones import Tombstones

ID_FIELDS = ("user_id", "movie_id")
_NONE = pa.array([], pa.string())


@dataclass(frozen=True)
class Ids:
    """The texts of users and of movies, each (n,) in the order of their ids; none of what has whole numbers.

    Texts of users who are `gone` get no id.
    """

    texts: Mapping[str, pa.Array] = field(default_factory=dict)
    gone: Tombstones = field(default_factory=Tombstones)

    @property
    def said(self) -> str:
        """Which ids are text and how many, for people; empty where none is."""
        return " and ".join(f"{name} is text ({len(texts):,} kept)" for name, texts in self.texts.items())

    def with_texts(self, name: str, found: pa.Array) -> "Ids":
        """These, and those that came, of the id of this name."""
        known = self.texts.get(name, _NONE)
        new = pac.unique(found.drop_null())
        new = new.filter(pac.invert(pac.is_in(new, known)))
        if name == "user_id":
            new = new.filter(pac.invert(self.gone.among(new)))
        return Ids({**self.texts, name: pa.concat_arrays([known, new.take(pac.sort_indices(new))])}, self.gone)

    def ids_of(self, name: str, texts: pa.Array) -> pa.Array:
        """The ids of n texts, as text; null of one that is not there."""
        return pac.add(pac.index_in(texts, self.texts[name]), 1).cast(pa.string())


def are_text(ids: pa.Array) -> bool:
    """Whether most of some different ids (n,) are no numbers that the platform takes."""
    distinct = pac.unique(ids.drop_null())
    plain = pac.match_substring_regex(distinct, "^[0-9]{1,10}$")
    numbers = distinct.filter(plain).cast(pa.int64())
    whole = pac.sum(pac.less_equal(numbers, MOST["user_id"])).as_py() or 0
    return 2 * whole < len(distinct)


def distinct_of(blocks: Iterable[pa.Array]) -> pa.Array:
    """The different values of many arrays of text."""
    found = _NONE
    for block in blocks:
        found = pac.unique(pa.concat_arrays([found, pac.unique(block.drop_null())]))
    return found
