"""From the fields of lines, as text, to typed columns; beside them the line, of each row that isn't plain. Pure.

A row is plain where each field keeps its rules (silver's, but for those that need a clock or other rows) and is written
so that its text can be made again from the typed value: `4.0` and not `+4` or `04`. Silver reads no text of such rows.
"""

from collections.abc import Callable, Mapping
from functools import partial, reduce

import pyarrow as pa
import pyarrow.compute as pac
from pyarrow import csv

from reco_assets.sources.layout import RawForm
from reco_assets.vocabulary import ALLOWED_RATINGS, INT32_MAX, LAST_SECOND

RESCUED = "_rescued"
SECONDS_PER_DAY = 86_400
BOM = b"\xef\xbb\xbf"

# Of a text column: the values, null where a field breaks a rule, and (n,) bool: which are written plainly.
Read = tuple[pa.Array, pa.Array]

_DIGITS = "^[0-9]{1,18}$"
NUMBER = "^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$"
_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_YEAR = "^[0-9]{4}$"
STARS = pa.array(ALLOWED_RATINGS, pa.float32())
MOST = {"user_id": INT32_MAX, "movie_id": INT32_MAX, "timestamp": LAST_SECOND}  # that a whole number from 0 may be


def typed(text: Mapping[str, pa.Array], form: RawForm) -> dict[str, pa.Array]:
    """The platform's columns and `_rescued`, of the fields of n lines as text, null where empty: {what it is: (n,)}.

    A typed value is null where its field breaks a rule. `_rescued` is null for a plain row, else the fields as a line
    of CSV, where only a field with a comma or a quote is quoted.
    """
    read = {column_of(name): _READ[name](text[name], form) for name in form.fields}
    plain = reduce(pac.and_, (written for _, written in read.values()))
    return {name: values for name, (values, _) in read.items()} | {RESCUED: _rescued(text, form, plain)}


def column_of(name: str) -> str:
    """The column that holds what a field is to the platform: a date is kept as its second."""
    return "timestamp" if name == "date" else name


def fields_of(rescued: pa.Array, form: RawForm) -> dict[str, pa.Array]:
    """The fields of kept lines (n,) as text, null where empty: {what it is: (n,)}; what `typed` was given."""
    if not len(rescued):
        return {name: pa.nulls(0, pa.string()) for name in form.fields}
    lines = "\n".join(rescued.to_pylist()).encode()
    text = csv.read_csv(
        pa.BufferReader(BOM + lines + b"\n"),  # the parser drops one mark: never one that is a field's own
        read_options=csv.ReadOptions(column_names=form.fields, block_size=len(BOM) + len(lines) + 2, use_threads=False),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(form.fields, pa.string()), strings_can_be_null=True, null_values=[""]
        ),
    )
    return {name: text[name].combine_chunks() for name in form.fields}


def text_of(rows: pa.RecordBatch, form: RawForm) -> dict[str, pa.Array]:
    """The fields of n rows of a raw table as they were written, null where empty: {what it is: text (n,)}."""
    rescued = rows[RESCUED].is_valid()
    kept = fields_of(rows[RESCUED].drop_null(), form)
    written = {name: _as_text(name, rows[column_of(name)], form) for name in form.fields}
    return {name: pac.replace_with_mask(text, rescued, kept[name]) for name, text in written.items()}


def whole_stars_among(ratings: pa.Array) -> str:
    """How most ratings of whole stars among these texts are written: what follows the digit, ".0" or nothing."""
    bare, pointed = (int(pac.sum(pac.is_in(ratings, ratings_as_written(suffix))).as_py() or 0) for suffix in ("", ".0"))
    return "" if bare > pointed else ".0"


def where_matching(pattern: str, text: pa.Array) -> pa.Array:
    """The texts (n,) without blanks around them; null where one does not match."""
    trimmed = pac.ascii_trim(text, " ")
    return _only(pac.match_substring_regex(trimmed, pattern), trimmed)


def _as_text(name: str, values: pa.Array, form: RawForm) -> pa.Array:
    if name == "rating":
        return ratings_as_written(form.whole_stars).take(pac.index_in(values, STARS))
    return pac.strftime(values.cast(pa.timestamp("s")), "%Y-%m-%d") if name == "date" else values.cast(pa.string())


def _whole(most: int, text: pa.Array, _: RawForm) -> Read:
    """Numbers of at most 18 digits, up to `most`."""
    try:
        number = text.cast(pa.int64())  # half the time of the expression, which plain text has no need of
        written = _is_written(number, text)
    except pa.ArrowInvalid:
        written = None
    if written is None or not pac.all(written).as_py():  # a cast also takes 0x10
        number = where_matching(_DIGITS, text).cast(pa.int64())
        written = _is_written(number, text)
    valid = pac.and_(pac.greater_equal(number, 0), pac.less_equal(number, most))
    kept = _only(valid, number).cast(pa.int32() if most <= INT32_MAX else pa.int64())
    return kept, _true(pac.and_(valid, written))


def _rating(text: pa.Array, form: RawForm) -> Read:
    place = pac.index_in(text, ratings_as_written(form.whole_stars))
    written = pac.is_valid(place)
    if place.null_count:
        number = pac.ascii_ltrim(where_matching(NUMBER, text), "+").cast(pa.float64())
        place = pac.index_in(number, pa.array(ALLOWED_RATINGS, pa.float64()))
    return STARS.take(place), written


def _days(text: pa.Array, _: RawForm) -> Read:
    try:
        day = text
        seconds = text.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
        seconds = pac.multiply(seconds, SECONDS_PER_DAY)
    except pa.ArrowInvalid:
        day = where_matching(_DAY, text)
        moment = pac.strptime(day, format="%Y-%m-%d", unit="s", error_is_null=True)
        exists = pac.equal(pac.strftime(moment, "%Y-%m-%d"), day)  # the 31st of February became one of March
        seconds = _only(exists, moment.cast(pa.int64()))
    valid = pac.greater_equal(seconds, 0)
    return _only(valid, seconds), _true(pac.and_(valid, pac.equal(day, text)))


def _text(text: pa.Array, _: RawForm) -> Read:
    trimmed = pac.ascii_trim(text, " ")
    return _only(pac.not_equal(trimmed, ""), trimmed), _true(
        pac.and_(pac.equal(trimmed, text), pac.not_equal(text, ""))
    )


def _genres(text: pa.Array, _: RawForm) -> Read:
    trimmed = pac.ascii_trim(text, " ")
    return trimmed, pac.or_(_true(pac.equal(trimmed, text)), pac.is_null(text))


def _year(text: pa.Array, _: RawForm) -> Read:
    year = where_matching(_YEAR, text).cast(pa.int32())
    return year, pac.or_(_is_written(year, text), pac.is_null(text))


_READ: Mapping[str, Callable[[pa.Array, RawForm], Read]] = {
    **{name: partial(_whole, most) for name, most in MOST.items()},
    "rating": _rating,
    "date": _days,
    "title": _text,
    "tag": _text,
    "genres": _genres,
    "year": _year,
}


def _is_written(number: pa.Array, text: pa.Array) -> pa.Array:
    return _true(pac.equal(number.cast(pa.string()), text))


def ratings_as_written(whole_stars: str) -> pa.Array:
    """The ratings as they are written, in the order of `ALLOWED_RATINGS`."""
    return pa.array([f"{stars:g}" if stars % 1 else f"{stars:g}{whole_stars}" for stars in ALLOWED_RATINGS])


def _rescued(text: Mapping[str, pa.Array], form: RawForm, plain: pa.Array) -> pa.Array:
    if pac.all(plain).as_py():
        return pa.nulls(len(plain), pa.string())
    odd = pac.invert(plain)
    fields = [_quoted(pac.fill_null(text[name].filter(odd), "")) for name in form.fields]
    return pac.replace_with_mask(pa.nulls(len(plain), pa.string()), odd, pac.binary_join_element_wise(*fields, ","))


def _quoted(text: pa.Array) -> pa.Array:
    quoted = pac.binary_join_element_wise('"', pac.replace_substring(text, '"', '""'), '"', "")
    return pac.if_else(pac.match_substring_regex(text, '[,"]'), quoted, text)


def _only(where: pa.Array, values: pa.Array) -> pa.Array:
    return pac.if_else(where, values, pa.scalar(None, values.type))


def _true(where: pa.Array) -> pa.Array:
    return pac.fill_null(where, False)
