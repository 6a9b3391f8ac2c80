"""The ways to say in a traffic file what a column holds: SQL, or one of the forms below.

Every form is a mapping whose first key gives it its name. `docs/traffic.md` shows each at work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Discriminator, Field, Tag

from chimera_assets.packs.traffic.expressions import Sql, columns_of
from chimera_assets.yaml_documents.models import Name, Part

if TYPE_CHECKING:
    from collections.abc import Mapping

#: `models`, a lookup table, or `models.provider`, one of its columns.
TableColumn = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$")]


class Form(Part):
    """A column that is more than SQL over its row."""

    #: The keys that are SQL.
    expressions: ClassVar[tuple[str, ...]] = ()

    def reads(self) -> frozenset[str]:
        """The columns of the same row that it is computed from."""
        return frozenset[str]().union(*(columns_of(getattr(self, key)) for key in self.expressions))


class Pick(Form):
    """The number of a table's row, from 0, for each number `by` between 0 and 1.

    Rows are picked by the table's column `weight`, if it has one and `evenly` is not true.
    """

    expressions: ClassVar[tuple[str, ...]] = ("by",)

    pick: Name
    by: Sql
    evenly: bool = False


class Take(Form):
    """A column's value (of a table of weights: the value itself) in the row of number `at`."""

    expressions: ClassVar[tuple[str, ...]] = ("at",)

    take: TableColumn
    at: Sql


class Choose(Form):
    """`pick` and `take` in one."""

    expressions: ClassVar[tuple[str, ...]] = ("by",)

    choose: TableColumn
    by: Sql
    evenly: bool = False


class LogLogistic(Form):
    """A quantity with a heavy tail, from a number between 0 and 1.

    Half lie below the median, and the smaller the shape the wilder. The quantile function of the
    log-logistic distribution is closed, so one number is enough.
    """

    expressions: ClassVar[tuple[str, ...]] = ("log_logistic", "median")

    log_logistic: Sql
    median: Sql
    shape: Annotated[float, Field(gt=0)]
    least: float | None = None
    most: float | None = None


class After(Form):
    """A time so many microseconds after another."""

    expressions: ClassVar[tuple[str, ...]] = ("after", "microseconds")

    after: Sql
    microseconds: Sql


class ArrivalOf(Form):
    """When what happened at a time arrives, as `arrival` says, by a number between 0 and 1."""

    expressions: ClassVar[tuple[str, ...]] = ("arrival_of", "by")

    arrival_of: Sql
    by: Sql


class During(Form):
    """Whether a time lies in one of the episodes of a kind.

    Args:
        during: The kind of episode.
        at: The time.
        where: Column of the episode -> what it must equal, such as `{provider: provider}`.
        margin_minutes: How long before and after an episode counts, too.
        take: Give this column of the episode instead, or null outside.
    """

    expressions: ClassVar[tuple[str, ...]] = ("at",)

    during: Name
    at: Sql
    where: dict[Name, Sql] = Field(default_factory=dict)
    margin_minutes: Annotated[float, Field(ge=0)] = 0
    take: Name | None = None

    def reads(self) -> frozenset[str]:
        """The columns of the same row that it is computed from."""
        return super().reads().union(*map(columns_of, self.where.values()))


#: The key of a form -> the form.
FORMS: dict[str, type[Form]] = {
    "pick": Pick,
    "take": Take,
    "choose": Choose,
    "log_logistic": LogLogistic,
    "after": After,
    "arrival_of": ArrivalOf,
    "during": During,
}


def _form(value: Any) -> str:  # noqa: ANN401 - whatever YAML holds
    """The tag of a column's form; no tag is a key of a file, so that places stay distinct."""
    keys = value if isinstance(value, dict) else {}
    # `take` is also a key of `during`.
    named = next((key for key in ("during", *FORMS) if key in keys), None)
    return f"form {named}" if isinstance(value, dict) else "form SQL"


Column = Annotated[
    Annotated[Sql, Tag("form SQL")]
    | Annotated[Pick, Tag("form pick")]
    | Annotated[Take, Tag("form take")]
    | Annotated[Choose, Tag("form choose")]
    | Annotated[LogLogistic, Tag("form log_logistic")]
    | Annotated[After, Tag("form after")]
    | Annotated[ArrivalOf, Tag("form arrival_of")]
    | Annotated[During, Tag("form during")],
    Discriminator(
        _form,
        custom_error_type="unexpected",
        custom_error_message="expected {expected}, found {found}",
        custom_error_context={
            "expected": f"SQL, or a mapping with one of {', '.join(FORMS)}",
            "found": "a mapping with none of them",
            "below": None,
        },
    ),
]


def read_by(column: Column) -> frozenset[str]:
    """The columns of the same row that a column is computed from."""
    return columns_of(column) if isinstance(column, str) else column.reads()


def stages(columns: Mapping[str, Column]) -> list[list[str]]:
    """Columns in the order of computing: each stage needs only those before it.

    Returns:
        The stages, and as the last one what cannot be computed, as it needs itself: as a rule none.
    """
    needs = {name: read_by(column) & columns.keys() for name, column in columns.items()}
    found: list[list[str]] = []
    while ready := [name for name, needed in needs.items() if not needed & needs.keys()]:
        found.append(ready)
        for name in ready:
            del needs[name]
    return [*found, list(needs)]
