"""What a column is made of, through models that were run, never run, changed and replaced."""

from __future__ import annotations

import pytest

from chimera_assets.privacy.origins import Lineages, ModelLineage, Origins, origins

FACT, VIEW, OTHER = ("marts", "fact"), ("staging", "stg"), ("marts", "other")
USERS, PLANS = ("staged", "users"), ("staged", "plans")


def model(*reads: tuple[str, str] | None, **columns: list[str] | None) -> ModelLineage:
    """A version: what it reads, and each column with the `layer.table.column` it is made of."""
    made_of = {
        name: None if sources is None else frozenset(_source(one) for one in sources)
        for name, sources in columns.items()
    }
    known = None if None in reads else frozenset(one for one in reads if one is not None)
    return ModelLineage(made_of, known)


def _source(text: str) -> tuple[str, str, str]:
    layer, table, column = text.split(".")
    return layer, table, column


def made(*columns: tuple[str, str], streams: tuple[str, ...] = (), known: bool = True) -> Origins:
    return Origins(frozenset(columns), frozenset(streams), known)


VIEW_OF_USERS = {"v": model(USERS, a=["staged.users.user_id"], b=["staged.users.provider"])}

CASES: dict[str, tuple[Lineages, Origins]] = {
    "never run": ({}, made(known=False)),
    "made by no version": ({FACT: {"v": model(USERS, y=[])}}, made(known=False)),
    "a constant": ({FACT: {"v": model(x=[])}}, made()),
    "a count of a stream's rows": ({FACT: {"v": model(USERS, x=[])}}, made()),
    "of a stream": (
        {FACT: {"v": model(USERS, x=["staged.users.provider"])}},
        made(("users", "provider")),
    ),
    "through a view": (
        {FACT: {"v": model(VIEW, x=["staging.stg.a"])}, VIEW: VIEW_OF_USERS},
        made(("users", "user_id")),
    ),
    "through a view that was never run": (
        {FACT: {"v": model(VIEW, x=["staging.stg.a"])}},
        made(known=False),
    ),
    "of a stream, and of a model that was never run": (
        {FACT: {"v": model(x=["staged.users.provider", "marts.other.x"])}},
        made(("users", "provider"), known=False),
    ),
    "of a column that the upstream model does not make": (
        {FACT: {"v": model(VIEW, x=["staging.stg.gone"])}, VIEW: VIEW_OF_USERS},
        made(known=False),
    ),
    "in a changed model": (
        {
            FACT: {
                "old": model(USERS, x=["staged.users.user_id"]),
                "new": model(USERS, x=["staged.users.provider"]),
            }
        },
        made(("users", "user_id"), ("users", "provider")),
    ),
    "new in a changed model": (
        {FACT: {"old": model(USERS, y=None), "new": model(PLANS, x=["staged.plans.enabled"])}},
        made(("plans", "enabled")),
    ),
    "through a view that was replaced": (
        {
            FACT: {"v": model(VIEW, x=["staging.stg.a"])},
            VIEW: {**VIEW_OF_USERS, "w": model(PLANS, a=["staged.plans.enabled"])},
        },
        made(("users", "user_id"), ("plans", "enabled")),
    ),
    "not followed": ({FACT: {"v": model(USERS, x=None)}}, made(streams=("users",))),
    "not followed, of nothing": ({FACT: {"v": model(x=None)}}, made()),
    "not followed, of nobody knows what": ({FACT: {"v": model(None, x=None)}}, made(known=False)),
    "not followed in one version": (
        {FACT: {"old": model(USERS, x=None), "new": model(x=[])}},
        made(streams=("users",)),
    ),
    "not even read in one version": (
        {FACT: {"old": model(None, x=None), "new": model(x=[])}},
        made(known=False),
    ),
    "not followed, through a view": (
        {FACT: {"v": model(VIEW, PLANS, x=None)}, VIEW: VIEW_OF_USERS},
        made(streams=("users", "plans")),
    ),
    "not followed, through a view that was never run": (
        {FACT: {"v": model(VIEW, PLANS, x=None)}},
        made(streams=("plans",), known=False),
    ),
    "through a view that was not followed": (
        {FACT: {"v": model(VIEW, x=["staging.stg.a"])}, VIEW: {"v": model(USERS, a=None)}},
        made(streams=("users",)),
    ),
    "of its own table as it was": (
        {FACT: {"v": model(FACT, USERS, x=["marts.fact.x", "staged.users.provider"])}},
        made(("users", "provider")),
    ),
    "of another column of its own table": (
        {FACT: {"v": model(FACT, USERS, x=["marts.fact.y"], y=["staged.users.user_id"])}},
        made(("users", "user_id")),
    ),
    "not followed, of its own table": (
        {FACT: {"v": model(FACT, USERS, x=None)}},
        made(streams=("users",)),
    ),
    "of a model that reads it": (
        {
            FACT: {"v": model(OTHER, x=["marts.other.x"])},
            OTHER: {"v": model(FACT, USERS, x=["marts.fact.x", "staged.users.user_id"])},
        },
        made(("users", "user_id")),
    ),
    "of a model of another layer with its name": (
        {
            FACT: {"v": model(x=["aggregates.fact.x"])},
            ("aggregates", "fact"): {"v": model(USERS, x=["staged.users.user_id"])},
        },
        made(("users", "user_id")),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_origins(case: str) -> None:
    lineages, found = CASES[case]
    assert origins(lineages, *FACT, "x") == found
