"""The rules of silver/ratings in pandera or in Great Expectations: types, nulls, ranges, the key.

Either in its fastest way on one machine: pandera on polars, Great Expectations on pandas. Neither is asked for what it
cannot say: references to movies, distributions, outliers, what changed since the last run.
"""

import argparse
from pathlib import Path
from typing import Any

import polars as pl
from clock import stage

STARS = [half / 2 for half in range(1, 11)]
REQUIRED = ["user_id", "movie_id", "rating", "rating_ts", "year", "month"]
KEY = ["user_id", "movie_id", "rating_ts"]


def main() -> None:
    """Read the table and validate it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("lake", type=Path)
    arguments = parser.parse_args()
    table = str(arguments.lake / "silver" / "ratings")
    check = TOOLS[arguments.tool]()
    with stage("checks") as found:
        passed, found["rules"] = check(table)
    assert passed


def pandera() -> Any:
    """What validates by a schema."""
    import pandera.polars as pa

    ids = pa.Check.ge(0)
    moment = pl.Datetime("us", "UTC")
    columns = {
        "user_id": pa.Column(pl.Int32, ids),
        "movie_id": pa.Column(pl.Int32, ids),
        "rating": pa.Column(pl.Float32, pa.Check.isin(STARS)),
        "rating_ts": pa.Column(moment),
        "year": pa.Column(pl.Int32, pa.Check.ge(1970)),
        "month": pa.Column(pl.Int32, pa.Check.in_range(1, 12)),
    }
    schema = pa.DataFrameSchema(columns, unique=KEY, strict=True)

    def check(table: str) -> tuple[bool, int]:
        schema.validate(pl.read_delta(table))
        return True, 6 + 6 + 5 + 1

    return check


def great_expectations() -> Any:
    """What validates by a suite."""
    import great_expectations as gx
    from great_expectations import expectations as gxe

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("ratings")
    batch = asset.add_batch_definition_whole_dataframe("all")
    types = {"user_id": "int32", "movie_id": "int32", "rating": "float32", "year": "int32", "month": "int32"}
    rules = [gxe.ExpectColumnValuesToNotBeNull(column=name) for name in REQUIRED]
    rules += [gxe.ExpectColumnValuesToBeOfType(column=name, type_=kind) for name, kind in types.items()]
    rules += [gxe.ExpectColumnValuesToBeBetween(column=name, min_value=0) for name in ("user_id", "movie_id")]
    rules += [
        gxe.ExpectColumnValuesToBeInSet(column="rating", value_set=STARS),
        gxe.ExpectColumnValuesToBeBetween(column="year", min_value=1970),
        gxe.ExpectColumnValuesToBeBetween(column="month", min_value=1, max_value=12),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=KEY),
    ]
    suite = context.suites.add(gx.ExpectationSuite("ratings", expectations=rules))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="ratings", data=batch, suite=suite))

    def check(table: str) -> tuple[bool, int]:
        frame = pl.read_delta(table).to_pandas()
        result = definition.run(batch_parameters={"dataframe": frame}, result_format="BOOLEAN_ONLY")
        return bool(result.success), len(rules)

    return check


TOOLS = {"pandera": pandera, "great_expectations": great_expectations}

if __name__ == "__main__":
    main()
