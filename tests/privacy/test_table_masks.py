"""Which columns an exit masks: by layer, by what is known of the column, and by level."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.privacy.table_masks import Masks
from tests.privacy.test_origins import FACT, PLANS, USERS, VIEW, VIEW_OF_USERS, model

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.privacy.origins import Lineages

OWN = {"hour_partition", "hour", "_batch_id", "_ingested_at"}
QUARANTINED = {"record", "row_key", "reasons", "hour", "batch_id"}
OPEN = {"event_id", "provider"}  # of `users`, at every level below
L2, L3 = {"latency_ms"}, {"user_id", "success", "techniques_applied", "created_at"}
L4 = {"tokens_used"}
ALL = OPEN | L2 | L3 | L4


def masked(
    masks: Masks, table: str, columns: set[str], kind: pl.DataType | None = None
) -> set[str]:
    layer, _, name = table.partition("/")
    return set(masks.columns(layer, name, dict.fromkeys(columns, kind or pl.String())))


@pytest.mark.parametrize("layer", ["landing", "raw", "staged"])
@pytest.mark.parametrize(
    ("level", "hidden"),
    [("L1", ALL - {"provider"}), ("L2", ALL - OPEN), ("L3", L3 | L4), ("L4", L4)],
)
def test_a_streams_table(
    contracts: dict[str, Contract], layer: str, level: str, hidden: set[str]
) -> None:
    columns = ALL | OWN
    assert masked(Masks(level, contracts), f"{layer}/users", columns) == hidden
    # A column of which no contract knows, and tables of a stream that is gone.
    assert masked(Masks(level, contracts), f"{layer}/users", {"gone", "_unreadable"}) == {
        "gone",
        "_unreadable",
    }
    assert masked(Masks(level, contracts), f"{layer}/retired", columns) == ALL


@pytest.mark.parametrize(
    ("level", "stream", "hidden"),
    [
        ("L3", "users", {"record"}),
        ("L1", "users", {"record", "row_key"}),
        ("L3", "users_by_key", {"record", "row_key"}),
        ("L4", "users_by_key", {"record"}),
        ("L4", "retired", {"record", "row_key"}),
    ],
)
def test_quarantine(
    contracts: dict[str, Contract], level: str, stream: str, hidden: set[str]
) -> None:
    assert masked(Masks(level, contracts), f"quarantine/{stream}", QUARANTINED) == hidden
    assert masked(Masks(level, contracts), f"quarantine/{stream}", {"reasons"}) == set()
    key = Masks(level, contracts).key(stream, "e-1")
    assert key == ("•••" if "row_key" in hidden else "e-1")
    assert Masks(level, contracts).key(stream, None) is None


@pytest.mark.parametrize(
    ("level", "stream", "hidden"),
    [
        ("L3", "users", {"user_id", "tokens_used", "gone"}),
        ("L4", "users", {"tokens_used", "gone"}),
        ("L4", "retired", {"event_id", "user_id", "tokens_used", "gone"}),
    ],
)
def test_a_rejected_row(
    contracts: dict[str, Contract], level: str, stream: str, hidden: set[str]
) -> None:
    row = {"event_id": "e-1", "user_id": "mint", "tokens_used": 7, "gone": "•••", "line": "l"}
    record = json.dumps(row | {"success": None})
    values, names = Masks(level, contracts).record(stream, record, shown=["line"])
    assert names == hidden
    assert values == row | dict.fromkeys(hidden, "•••") | {"success": None}


def test_the_platforms_own_tables(contracts: dict[str, Contract]) -> None:
    columns = {"user_id", "stream", "example_keys"}
    for level, hidden in (("L3", {"example_keys"}), ("L4", set())):
        assert masked(Masks(level, contracts), "quality/check_results", columns) == hidden
    del contracts["users_by_key"]
    assert masked(Masks("L3", contracts), "quality/check_results", columns) == set()
    assert masked(Masks("L1", contracts), "quality/batches", {"stream"}) == set()


def one_column(source: str | None, *reads: tuple[str, str]) -> Lineages:
    return {FACT: {"v": model(*reads, x=None if source is None else [source])}}


AGGREGATE = ("aggregates", "fact")
TEXT, NUMBER, TIME, YES, NUMBERS = (
    pl.String(),
    pl.Int64(),
    pl.Datetime("us", "UTC"),
    pl.Boolean(),
    pl.List(pl.Int64()),
)
KINDS = (TEXT, NUMBER, TIME, YES, NUMBERS)

#: What the column is made of, of which type it is, and where it is masked from which level on.
FOLLOWED = [
    ("staged.users.provider", KINDS, "never", "never"),
    ("staged.plans.enabled", KINDS, "never", "never"),
    ("staged.users._batch_id", KINDS, "never", "never"),
    ("staged.users.user_id", (TEXT, TIME, NUMBERS), "L3", "L3"),
    ("staged.users.user_id", (NUMBER,), "L3", "never"),
    ("staged.users.user_id", (YES, pl.List(YES)), "never", "never"),
    ("staged.users.techniques_applied", (NUMBER,), "L3", "never"),
    ("staged.users.created_at", KINDS, "L3", "L3"),
    ("staged.users.tokens_used", KINDS, "L4", "L4"),
    ("staged.users.latency_ms", KINDS, "L2", "L2"),
    ("staged.users.gone", KINDS, "L4", "L4"),
    ("staged.retired.provider", KINDS, "L4", "L4"),
    ("staging.never_run.provider", KINDS, "L4", "L4"),
]


@pytest.mark.parametrize(("source", "kinds", "mart", "aggregate"), FOLLOWED)
def test_what_models_make_of_columns(
    contracts: dict[str, Contract],
    source: str,
    kinds: tuple[pl.DataType, ...],
    mart: str,
    aggregate: str,
) -> None:
    fact = one_column(source, USERS)
    lineages = {**fact, AGGREGATE: fact[FACT]}
    for kind in kinds:
        for level in ("L2", "L3", "L4"):
            for table, since in (("marts/fact", mart), ("aggregates/fact", aggregate)):
                found = masked(Masks(level, contracts, lineages), table, {"x"}, kind)
                assert found == ({"x"} if since != "never" and level <= since else set())


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("table", ["marts/fact", "aggregates/fact", "serving/fact"])
def test_what_was_not_followed_is_masked_whatever_its_name_and_type(
    contracts: dict[str, Contract], table: str, kind: pl.DataType
) -> None:
    def hidden(lineages: Lineages, column: str = "x", level: str = "L3") -> bool:
        layer, _, name = table.partition("/")
        given = {(layer, name): lineages.get(FACT, {}), **lineages}
        return masked(Masks(level, contracts, given), table, {column}, kind) == {column}

    # The names of open columns, of a measure, and of what the platform adds prove nothing.
    for column in ("provider", "latency_ms", "total_requests", "hour", "_batch_id"):
        named = {FACT: {"v": model(USERS, **{column: None})}}
        assert hidden(named, column)
        assert hidden({}, column)
    assert hidden(one_column(None, USERS, PLANS))
    assert hidden(one_column(None, VIEW))
    assert hidden({**one_column(None, VIEW), VIEW: VIEW_OF_USERS})
    assert hidden(one_column(None, ("staged", "retired")), level="L4")
    # What proves it open: all that the model reads may be shown.
    assert not hidden(one_column(None, PLANS))
    assert hidden(one_column(None, PLANS), level="L1")
    assert not hidden({**one_column(None, VIEW), VIEW: {"v": model(PLANS, a=None)}})


def test_rows_come_masked_with_the_names(contracts: dict[str, Contract]) -> None:
    rows = pl.LazyFrame(
        {"user_id": ["mint", None], "tokens_used": [7, None], "provider": ["p"] * 2}
    )
    shown, names = Masks("L3", contracts).rows("raw", "users", rows)
    assert names == {"user_id", "tokens_used"}
    assert shown.collect().rows() == [("•••", "•••", "p"), (None, None, "p")]
