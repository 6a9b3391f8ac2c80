"""A migration from its beginning to its end, or from where it was interrupted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chimera_assets.errors import ArgumentError
from chimera_assets.layers import STAGED
from chimera_assets.lifecycle.legal_holds import require_reason
from chimera_assets.quality.migration.beside import Beside, under_way
from chimera_assets.quality.migration.differences import Differences, differences, retyped
from chimera_assets.quality.migration.key_losses import key_loss
from chimera_assets.quality.migration.losses import PublishedLost, newly_blocked
from chimera_assets.quality.migration.made_tables import made_and_taken, retype_made_tables
from chimera_assets.quality.migration.rebuild import Rebuild, rebuilt_layers
from chimera_assets.quality.migration.takeover import Takeover

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake
    from chimera_assets.quality.migration.claim import Claim
    from chimera_assets.quality.migration.differences import Retyped
    from chimera_assets.quality.migration.key_losses import KeyLoss


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """What a migration of a stream would do.

    Attributes:
        contract: The contract.
        differences: In what the tables are not as it says.
        interrupted: Whether one was begun that has not come to its end.
        hours: Hours with rows.
        rows: Rows of the tables that are made anew, each as often as tables have it.
        by_key: What the contract's key takes from what is published.
    """

    contract: Contract
    differences: Differences
    interrupted: bool
    hours: int
    rows: int
    by_key: KeyLoss

    @property
    def needed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.differences) or self.interrupted

    @property
    def staged(self) -> tuple[Retyped, ...]:
        """The retyped columns of the staged rows, which are what is published."""
        place = f"{STAGED}/{self.contract.stream}"
        return tuple(one for one in self.differences.retyped if one.table == place)

    def require_nothing_lost(self) -> None:
        """Refuse a migration that is yet to begin, if it takes published values or rows.

        Raises:
            PublishedLost: It does.
        """
        lost = [one for one in self.staged if one.lost]
        if (lost or self.by_key) and not self.interrupted:
            raise PublishedLost(self.contract, lost, self.by_key)


def plan_migration(lake: Lake, contract: Contract) -> MigrationPlan:
    """What a migration would do.

    Raises:
        ArgumentError: It is a reference table, which is replaced as a whole by each run.
    """
    if contract.kind != "stream":
        msg = (
            f"{contract.stream}: expected an hourly stream, found a reference table; the next run "
            "replaces it as a whole"
        )
        raise ArgumentError(msg)
    tables = [lake.table(one, contract.stream) for one in rebuilt_layers(lake, contract)]
    hours = {row for table in tables for row in table.rows_by_hour().drop("rows").iter_rows()}
    return MigrationPlan(
        contract,
        differences(lake, contract),
        under_way(lake, contract.stream),
        len(hours),
        sum(table.count() for table in tables),
        key_loss(lake, contract),
    )


def migrate_tables(  # noqa: PLR0913
    context: AuditedContext,
    plan: MigrationPlan,
    claim: Claim,
    *,
    reason: str,
    lose_values: bool = False,
    on_hours: Callable[[int], None] = lambda _: None,
) -> Beside:
    """Rewrite a stream's tables; what is made of them is yet to be built again.

    Args:
        context: When, on what, for whom.
        plan: What `plan_migration` gave.
        claim: The right to do it, held until what is left is removed.
        reason: Why; it is kept.
        lose_values: Whether published values and rows may be lost, and published hours be blocked.
        on_hours: Told of how many hours were made, day by day.

    Returns:
        What is left of it, to be removed when all is done: until then it counts as interrupted.

    Raises:
        ArgumentError: No reason is named.
        AuditError: The audit log could not be written; nothing was changed.
        BegunElsewhere: Another installation has one of the stream under way.
        CommitConflict: Others kept writing hours of the stream; nothing was changed.
        PublishedLost: Less would be published; nothing was changed.
    """
    require_reason(reason)
    contract, lake = plan.contract, context.lake
    with context.change(
        "contract.migrate", contract.stream, before=_before(plan), after=_after(plan), reason=reason
    ):
        beside = Beside(lake, contract, rebuilt_layers(lake, contract), context.now, claim.owner)
        takeover = Takeover(context, contract, beside)
        if not takeover.begun:
            # Interrupted or not, rows that are rejected now are as old.
            rebuild = Rebuild(replace(context, now=beside.begun), contract, beside)

            def made(hours: int) -> None:
                claim.require_held()
                on_hours(hours)

            def unchanged() -> None:
                claim.require_held()
                rebuild.require_unchanged()

            def take() -> None:
                if not (lose_values or takeover.begun):
                    _require_nothing_lost(lake, beside, contract)
                takeover.run(unchanged)

            made_and_taken(contract.stream, lambda: rebuild.run(made), take)
        takeover.run(lambda: None)
        retype_made_tables(context, contract, beside)
    return beside


def _require_nothing_lost(lake: Lake, beside: Beside, contract: Contract) -> None:
    """Refuse what was made beside, if less is published by it."""
    lost = [one for one in retyped(lake.table(STAGED, contract.stream), contract) if one.lost]
    by_key, blocked = key_loss(lake, contract), newly_blocked(lake, beside, contract.stream)
    if lost or by_key or blocked:
        raise PublishedLost(contract, lost, by_key, blocked)


def _before(plan: MigrationPlan) -> dict[str, object]:
    found = plan.differences
    return {
        "key": list(found.key or plan.contract.key),
        "types": {f"{one.table}.{one.column}": one.found for one in found.retyped},
    }


def _after(plan: MigrationPlan) -> dict[str, object]:
    contract, found = plan.contract, plan.differences
    return {
        "contract": contract.version,
        "key": list(contract.key),
        "types": {f"{one.table}.{one.column}": one.wanted for one in found.retyped},
    }
