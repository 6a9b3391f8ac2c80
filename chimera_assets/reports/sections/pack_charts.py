"""A chart of a pack's section, from the rows of its table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from chimera_assets.reports.document import Chart, ChartKind, Kind, Series

if TYPE_CHECKING:
    from chimera_assets.packs import sections
    from chimera_assets.reports.document.charts import Amount

#: So many lines or colours can be told apart; the smaller ones are put together.
_MOST_SERIES = 8
_OTHERS = "others"


class ChartError(ValueError):
    """A chart that cannot be drawn of these rows; the message says why."""


def chart_of(
    name: str,
    chart: sections.Chart,
    table: sections.Table,
    columns: tuple[str, ...],
    rows: Any,  # noqa: ANN401
) -> Chart:
    """The chart.

    Args:
        name: Its name.
        chart: What the pack says of it.
        table: What the pack says of its table.
        columns: The table's columns.
        rows: The table's rows.

    Raises:
        ChartError: The table has no such column.
        DocumentError: Its values cannot be drawn so.
    """
    places = {column: at for at, column in enumerate(columns)}
    if unknown := [one for one in (chart.x, chart.y, chart.by) if one and one not in places]:
        msg = f"chart {name}: expected a column of {chart.table}, found {unknown[0]}"
        raise ChartError(msg)
    amounts: dict[str, dict[Any, Amount]] = {}
    for row in rows:
        series = str(row[places[chart.by]]) if chart.by else table.title
        at, amount = row[places[chart.x]], row[places[chart.y]]
        of_series = amounts.setdefault(series, {})
        of_series[at] = _sum(of_series.get(at), amount)
    x = sorted({at for of_series in amounts.values() for at in of_series if at is not None})
    column = table.columns.get(chart.y)
    return Chart(
        name,
        chart.title,
        chart.alternative,
        ChartKind(chart.kind),
        tuple(x),
        tuple(
            Series(series, tuple(values.get(at) for at in x))
            for series, values in _largest(amounts).items()
        ),
        Kind(column.show) if column is not None and column.show is not None else Kind.number,
        column.unit if column is not None else "",
    )


def _largest(amounts: dict[str, dict[Any, Amount]]) -> dict[str, dict[Any, Amount]]:
    """The series with the largest sums, and the others together."""
    if len(amounts) <= _MOST_SERIES:
        return amounts
    totals = {
        name: sum(float(amount) for amount in of_series.values() if amount is not None)
        for name, of_series in amounts.items()
    }
    ranked = sorted(amounts, key=lambda name: (-totals[name], name))
    kept = {name: amounts[name] for name in ranked[: _MOST_SERIES - 1]}
    others: dict[Any, Amount] = {}
    for name in ranked[_MOST_SERIES - 1 :]:
        for at, amount in amounts[name].items():
            others[at] = _sum(others.get(at), amount)
    return {**kept, _OTHERS: others}


def _sum(one: Amount, other: Amount) -> Amount:
    if one is None or other is None:
        return one if other is None else other
    return cast("Amount", cast("Any", one) + other)
