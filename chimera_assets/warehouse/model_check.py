"""Whether the models of packs can be built: made one by one in an empty DuckDB, without dbt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from chimera_assets.packs.errors import PackError
from chimera_assets.packs.model_columns import described_models
from chimera_assets.warehouse.empty_warehouse import EmptyWarehouse
from chimera_assets.warehouse.yml_check import yml_problems
from chimera_assets.yaml_documents import Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chimera_assets.contracts import Contract
    from chimera_assets.packs import Pack


def model_sql_problems(packs: Sequence[Pack], contracts: Iterable[Contract]) -> list[Problem]:
    """What keeps the models of packs from being built, and columns that are described and not made.

    Args:
        packs: Packs that are used together.
        contracts: The contracts of all their streams.
    """
    try:
        described = described_models(packs)
    except PackError as error:
        return list(error.problems)
    with duckdb.connect(":memory:") as connection:
        bench = EmptyWarehouse(connection, packs, contracts, described)
        bench.make_all()
        for path in (path for pack in packs for path in sorted(pack.analyses.rglob("*.sql"))):
            bench.try_analysis(path)
    for one in described.values():
        if one.name not in bench.files:
            expected = f"a model, {one_of(bench.files, one.name)}"
            bench.problems.append(Problem(one.path, one.line, "model", expected, one.name))
    return [*bench.problems, *yml_problems(packs)]
