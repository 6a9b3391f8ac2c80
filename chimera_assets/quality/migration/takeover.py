"""New tables in the place of the old ones: a commit each, and each of them once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.ingest.contract_fit import note_key
from chimera_assets.ingest.migration_state import TRANSACTION
from chimera_assets.lake import CommitConflict
from chimera_assets.lake.adoption import adopt
from chimera_assets.lake.commit import Carried
from chimera_assets.layers import STAGED
from chimera_assets.quality.migration.beside import digests
from chimera_assets.quality.staged_schema import staged_schema
from chimera_assets.system_tables.judgements import JUDGEMENTS, judgement_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from deltalake import DeltaTable

    from chimera_assets.contracts import Contract
    from chimera_assets.quality.migration.beside import Beside
    from chimera_assets.run_context import RunContext


class _AppendedAlready(CommitConflict):
    """Another migration of the stream has added these results."""


class Takeover:
    """Puts a stream's new tables in the place of the old ones.

    Args:
        context: When, and as which run; with the lake.
        contract: The contract.
        beside: The new tables.
    """

    def __init__(self, context: RunContext, contract: Contract, beside: Beside) -> None:
        self._context, self._contract = context, contract
        self._beside, self._layers = beside, beside.layers
        self._said = {"run": context.run_id, "contract": contract.version}

    @property
    def begun(self) -> bool:
        """Whether the first of the tables is the new one; then the others have to follow."""
        return any(self._is_taken(layer, self._contract.stream) for layer in self._layers)

    def run(self, require_unchanged: Callable[[], None]) -> None:
        """Let every table take the place of its old one, those first that decide.

        Args:
            require_unchanged: Raises if hours were written since the new tables were made; asked
                before the first takes its place.
        """
        for layer in self._layers:
            if not self._is_taken(layer, self._contract.stream):
                adopt(
                    self._context.lake.table(layer, self._contract.stream),
                    self._beside.table(layer, self._contract.stream),
                    _nothing if self.begun else require_unchanged,
                    transaction=(TRANSACTION, self._beside.number),
                    metadata=self._said,
                )
        for name in JUDGEMENTS:
            self._append(name)
        staged = self._context.lake.table(STAGED, self._contract.stream)
        if staged.exists():
            note_key(staged, self._contract, staged_schema(self._contract))

    def _is_taken(self, layer: str, name: str) -> bool:
        table = self._context.lake.table(layer, name)
        return table.transaction_version(TRANSACTION) == self._beside.number

    def _append(self, name: str) -> None:
        """Add what was found of the hours to a table of results, once."""
        app_id = f"{TRANSACTION}.{self._contract.stream}"
        table = judgement_table(self._context.lake, name)
        made = judgement_table(self._beside, name)
        if not made.exists() or table.transaction_version(app_id) == self._beside.number:
            return
        layers = [self._context.lake.table(one, self._contract.stream) for one in self._layers]
        there = [hour for hour in digests(layers) if hour is not None]
        moments = pl.Series(there, dtype=pl.Datetime("us", "UTC"))
        rows = made.read().filter(HOUR_START.is_in(moments.implode()))

        def once(delta: DeltaTable) -> Carried:
            if delta.transaction_version(app_id) == self._beside.number:
                msg = f"{table.uri}: has the results of {self._contract.stream} already"
                raise _AppendedAlready(msg)
            return Carried((app_id, self._beside.number), {})

        with suppress(_AppendedAlready):
            table.append(
                rows,
                partition_by=made.partition_columns(),
                metadata=self._said,
                carry=once,
            )


def _nothing() -> None:
    """Nothing is asked."""
