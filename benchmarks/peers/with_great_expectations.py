"""The 20 rules of `benchmarks.measures.validate` by Great Expectations, on its pandas engine."""

from __future__ import annotations

import logging
import os
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from benchmarks.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Callable

#: `complete` names the rows that broke each rule by their keys, which is what ours gives, too;
#: `verdicts` says of each rule only whether any row broke it.
FORMATS: dict[str, Any] = {
    "complete": {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": ["event_id"],
        "return_unexpected_index_query": False,
    },
    "verdicts": "BOOLEAN_ONLY",
}


def prepare(
    *, rows: str, start: str, providers: list[str]
) -> tuple[dict[str, Any], Callable[..., dict[str, Any]]]:
    """Read the rows (a Parquet file) into pandas, and set the rules up.

    pandas' own types are used: with Arrow's, Great Expectations takes half as long again.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import pandas as pd

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    frame = pd.read_parquet(rows)
    # Great Expectations compares a column with a column, so the sum is made before time is taken.
    frame["latest_timestamp"] = frame["created_at"] + pd.Timedelta(minutes=5)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("generations")
    rules = expectations(datetime.fromisoformat(start), providers)
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(
            name="rules",
            data=asset.add_batch_definition_whole_dataframe("hour"),
            suite=context.suites.add(
                gx.ExpectationSuite(name="rules", expectations=list(rules.values()))
            ),
        )
    )

    def work(form: str) -> dict[str, Any]:
        found = validation.run(
            batch_parameters={"dataframe": frame}, result_format=FORMATS[form]
        ).results
        failed = [str(each.exception_info) for each in found if _raised(each.exception_info)]
        if failed or len(found) != len(rules):
            msg = f"{len(found)} of {len(rules)} rules were evaluated; failed: {failed}"
            raise RuntimeError(msg)
        keys: set[str] = set()
        broken = 0
        for each in found:
            unexpected = each.result.get("unexpected_index_list") or []
            broken += len(unexpected)
            keys.update(row["event_id"] for row in unexpected)
        return {"bad": len(keys), "broken": broken}

    return {"version": version("great-expectations"), "rules": list(rules)}, work


def _raised(reported: dict[str, Any]) -> bool:
    """Whether an expectation could not be evaluated; the answer is nested by metric or not."""
    if "raised_exception" in reported:
        return bool(reported["raised_exception"])
    return any(each.get("raised_exception") for each in reported.values())


def expectations(start: datetime, providers: list[str]) -> dict[str, Any]:
    """Rule of the contract -> the expectation that says the same; see `RULES` of `validate`."""
    import great_expectations.expectations as gxe
    from great_expectations.expectations.row_conditions import Column

    def given(column: str) -> Any:  # noqa: ANN401
        return gxe.ExpectColumnValuesToNotBeNull(column=column)

    def length(column: str, least: int = 0) -> Any:  # noqa: ANN401
        return gxe.ExpectColumnValueLengthsToBeBetween(
            column=column, min_value=least, max_value=200
        )

    def between(column: str, **bounds: Any) -> Any:  # noqa: ANN401
        return gxe.ExpectColumnValuesToBeBetween(column=column, **bounds)

    return {
        "event_id_not_null": given("event_id"),
        "event_id_length": length("event_id", 1),
        "timestamp_not_null": given("timestamp"),
        # The rows are of one hour; where they are of many, this could not be said.
        "timestamp_within_hour": between(
            "timestamp", min_value=start, max_value=start + timedelta(hours=1), strict_max=True
        ),
        "timestamp_not_in_future": gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="latest_timestamp",
            column_B="timestamp",
            or_equal=True,
            ignore_row_if="either_value_is_missing",
        ),
        "tenant_id_not_null": given("tenant_id"),
        "tenant_id_length": length("tenant_id", 1),
        "user_id_length": length("user_id"),
        "provider_not_null": given("provider"),
        "provider_known": gxe.ExpectColumnValuesToBeInSet(column="provider", value_set=providers),
        "model_not_null": given("model"),
        "model_length": length("model", 1),
        "prompt_length_range": between("prompt_length", min_value=0),
        "response_length_range": between("response_length", min_value=0),
        "latency_ms_range": between("latency_ms", min_value=0, max_value=10_000),
        "success_not_null": given("success"),
        "tokens_used_not_null": given("tokens_used"),
        "tokens_used_range": between("tokens_used", min_value=0),
        "cost_usd_range": between("cost_usd", min_value=0, max_value=float("inf"), strict_max=True),
        "success_without_error": gxe.ExpectColumnValuesToBeInSet(
            column="error_code",
            value_set=[""],
            row_condition=Column("success") == True,  # noqa: E712
        ),
    }


if __name__ == "__main__":
    serve(prepare)
