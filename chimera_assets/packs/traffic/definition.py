"""What a traffic file may hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, PrivateAttr

from chimera_assets.packs.traffic.columns import Column
from chimera_assets.packs.traffic.expressions import Sql
from chimera_assets.packs.traffic.times import Arrival, Episode, Rhythm, Share
from chimera_assets.yaml_documents import Document
from chimera_assets.yaml_documents.models import Name, Part

if TYPE_CHECKING:
    from chimera_assets.yaml_documents import Location

#: What the file is called in its pack.
FILE = "traffic.yaml"


def _rows(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    """`{atlas: 0.6, dune: 0.4}` is short for two rows with `value` and `weight`."""
    if isinstance(value, dict):
        return [{"value": key, "weight": weight} for key, weight in value.items()]
    return value


Table = Annotated[tuple[dict[Name, Any], ...], BeforeValidator(_rows), Field(min_length=1)]


class OfHour(Part):
    """What all rows of an hour have in common.

    Args:
        throws: Numbers between 0 and 1, thrown anew for each hour.
        columns: What follows from them and from the hour.
    """

    throws: tuple[Name, ...] = ()
    columns: dict[Name, Column] = Field(default_factory=dict)


class BadRows(Part):
    """Rows that break a rule, each in one of several ways, taking turns.

    Args:
        by: A number between 0 and 1; the rows with the lowest in an hour are damaged.
        share: How many of an hour's rows.
        most: How many at most; an hour with too many bad rows is not published.
        rounding: 0 rounds an hour's number of bad rows down, nearly 1 up.
        turn: The number of the kind that is next in an hour.
        arrival: The column of a row's arrival, which stays in its hour whatever else is damaged.
        kinds: Kind of damage -> the columns it changes, and to what.
    """

    by: Sql
    share: Share
    most: Share
    rounding: Sql
    turn: Sql
    arrival: Name | None = None
    kinds: Annotated[dict[Name, dict[Name, Sql]], Field(min_length=1)]


class Stream(Part):
    """The rows of one operational table.

    Args:
        rows: How many an hour has.
        hour: What its rows have in common; `rows` may use it.
        throws: Numbers between 0 and 1, thrown anew for each row.
        columns: What a row holds. Names that begin with _ are not columns of the table.
        bad_rows: How some rows are damaged.
    """

    rows: Sql
    hour: OfHour = OfHour()
    throws: tuple[Name, ...] = ()
    columns: Annotated[dict[Name, Column], Field(min_length=1)]
    bad_rows: BadRows | None = None

    @property
    def table_columns(self) -> tuple[str, ...]:
        """The columns that the operational table has, too."""
        return tuple(name for name in self.columns if not name.startswith("_"))


class Traffic(Part):
    """A pack's traffic.

    Args:
        tables: Lookup tables: name -> rows.
        reference: Which of them are operational tables, too.
        rhythm: The day and the week.
        arrival: How late rows arrive.
        episodes: Kind of episode -> when there is one, and what it is like.
        streams: Operational table -> its rows.
    """

    tables: dict[Name, Table] = Field(default_factory=dict)
    reference: tuple[Name, ...] = ()
    rhythm: Rhythm = Rhythm()
    arrival: Arrival = Arrival()
    episodes: dict[Name, Episode] = Field(default_factory=dict)
    streams: dict[Name, Stream] = Field(default_factory=dict)

    _document: Document | None = PrivateAttr(None)

    def place(self, location: Location) -> tuple[Path, int]:
        """File and line of a part."""
        document = self._document
        return (document.path, document.line(location)) if document else (Path(FILE), 1)
