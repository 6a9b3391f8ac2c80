"""Metrics for Prometheus over an aggregate, as `aggregates.yaml` defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from chimera_assets.yaml_documents import one_of
from chimera_assets.yaml_documents.models import Name, Part, refuse

if TYPE_CHECKING:
    from collections.abc import Collection

    from chimera_assets.yaml_documents import Document, Location

#: Labels are bounded by what the newest hours have, these many.
NEWEST_HOURS = 24

MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]*$")]


class Label(Part):
    """A label of metrics.

    Args:
        column: The column of the aggregate with its values.
        top: How many values have their own; the others share one. None for all.
        by: The measure by which they are ranked, over the newest 24 hours.
    """

    column: Name
    top: Annotated[int, Field(gt=0)] | None = None
    by: Name | None = None

    @model_validator(mode="after")
    def _ranked(self) -> Self:
        if (self.top is None) != (self.by is None):
            refuse("top and by, or neither", "one of them")
        return self


class Metric(Part):
    """A metric for Prometheus: a sum, or a share of two, over the newest hours.

    Args:
        help: What it says.
        hours: How many hours, from the newest that has any.
        sum: The measure that is added up.
        share: Or the measure whose sum is divided ...
        of: ... by the sum of this one; nothing is reported where that is 0.
    """

    help: str
    hours: Annotated[int, Field(ge=1, le=NEWEST_HOURS)] = 1
    sum: Name | None = None
    share: Name | None = None
    of: Name | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        given = tuple(name for name in ("sum", "share", "of") if getattr(self, name) is not None)
        if given not in (("sum",), ("share", "of")):
            refuse("sum, or share and of", " and ".join(given) or "neither")
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that it needs."""
        return tuple(name for name in (self.sum, self.share, self.of) if name is not None)


class Metrics(Part):
    """The metrics of an aggregate, all by the same labels."""

    labels: dict[MetricName, Label]
    figures: Annotated[dict[MetricName, Metric], Field(min_length=1)]


def note_metrics(
    document: Document,
    here: Location,
    metrics: Metrics,
    grain: Collection[str],
    measures: Collection[str],
) -> None:
    """Note labels and metrics of columns that the aggregate does not have."""

    def note(place: Location, column: str, kind: str, known: Collection[str]) -> None:
        if column not in known:
            what, expected = f"column of {place[-1]}", f"{kind}, {one_of(known, column)}"
            document.problem(place, what, expected=expected, found=column)

    for name, label in metrics.labels.items():
        place = (*here, "labels", name)
        note(place, label.column, "a column of the grain", grain)
        if label.by is not None:
            note(place, label.by, "a measure", measures)
    for name, figure in metrics.figures.items():
        for measure in figure.measures:
            note((*here, "figures", name), measure, "a measure", measures)
