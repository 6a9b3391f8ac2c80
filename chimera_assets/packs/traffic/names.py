"""Whether all that a traffic file names is there: columns, throws, tables, episodes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chimera_assets.packs.traffic.columns import Choose, During, Pick, Take, read_by, stages
from chimera_assets.packs.traffic.expressions import columns_of
from chimera_assets.packs.traffic.tables import missing
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from chimera_assets.packs.traffic.columns import Column
    from chimera_assets.packs.traffic.definition import BadRows, Traffic
    from chimera_assets.yaml_documents import Document, Location

#: What the simulator says of every hour.
OF_HOUR = (
    "seed", "rows_per_hour", "hour", "stamp", "hour_number", "hour_of_day", "weekday", "rhythm",
    "burst",
)  # fmt: skip

#: What else expressions of a row may read: its number in the hour.
OF_ROW = ("number",)

#: What it says of every episode, and what of that is known before the rest.
OF_EPISODE = ("seed", "block", "start", "end")
_BEFORE_EPISODE = OF_EPISODE[:2]


def note_episode(document: Document, traffic: Traffic, name: str) -> None:
    """Note what an episode names that is not there."""
    episode, here = traffic.episodes[name], ("episodes", name)
    names = _Names(document, traffic)
    known = names.scope(here, _BEFORE_EPISODE, episode.throws, episode.columns)
    for column, content in episode.columns.items():
        place = (*here, "columns", column)
        if isinstance(content, During):
            expected = "a column that follows from the throws alone"
            document.problem(place, column, expected=expected, found="another episode")
        if column in OF_EPISODE:
            expected = "a name that nothing else has"
            document.problem(place, f"name {column}", expected=expected, found="it again")
    names.sql((*here, "start_minute"), episode.start_minute, known)
    names.sql((*here, "minutes"), episode.minutes, known)


def note_stream(document: Document, traffic: Traffic, name: str) -> None:
    """Note what a stream names that is not there."""
    stream, here = traffic.streams[name], ("streams", name)
    names = _Names(document, traffic)
    of_hour = names.scope((*here, "hour"), OF_HOUR, stream.hour.throws, stream.hour.columns)
    names.sql((*here, "rows"), stream.rows, of_hour)
    known = names.scope(here, (*of_hour, *OF_ROW), stream.throws, stream.columns)
    if stream.bad_rows is not None:
        names.bad_rows((*here, "bad_rows"), stream.bad_rows, known, stream.table_columns)


class _Names:
    """Notes what is named and not there.

    Args:
        document: Where to note it.
        traffic: Where it should be.
    """

    def __init__(self, document: Document, traffic: Traffic) -> None:
        self._document, self._traffic = document, traffic

    def scope(
        self,
        here: Location,
        given: Sequence[str],
        throws: Sequence[str],
        columns: Mapping[str, Column],
    ) -> tuple[str, ...]:
        """Check columns of one kind of row; gives all that can be named there."""
        known = (*given, *throws, *columns)
        for name, times in Counter(known).items():
            if times > 1:
                place = (*here, "columns", name) if name in columns else (*here, "throws")
                self._note(place, f"name {name}", "a name that nothing else has", "it again")
        for name, column in columns.items():
            self._column((*here, "columns", name), column, known)
        *_, circle = stages(columns)
        for name in circle:
            place = (*here, "columns", name)
            self._note(place, f"column {name}", "no circle of columns", "it needs itself")
        return tuple(dict.fromkeys(known))

    def sql(self, here: Location, text: str, known: Collection[str]) -> None:
        """Check the columns that an expression reads."""
        self._reads(here, columns_of(text), known)

    def bad_rows(
        self, here: Location, bad: BadRows, known: Collection[str], of_table: Collection[str]
    ) -> None:
        """Check the ways of damage."""
        for key in ("by", "rounding", "turn"):
            self.sql((*here, key), getattr(bad, key), known)
        if bad.arrival is not None and bad.arrival not in of_table:
            self._note((*here, "arrival"), "arrival", one_of(of_table, bad.arrival), bad.arrival)
        for kind, changes in bad.kinds.items():
            for column, text in changes.items():
                place = (*here, "kinds", kind, column)
                if column not in of_table:
                    self._note(place, f"column of {kind}", one_of(of_table, column), column)
                self.sql(place, text, known)

    def _column(self, here: Location, column: Column, known: Collection[str]) -> None:
        self._reads(here, read_by(column), known)
        if isinstance(column, During):
            self._episode(here, column)
        elif isinstance(column, Take | Choose):
            key = "take" if isinstance(column, Take) else "choose"
            if wrong := missing(self._traffic, getattr(column, key)):
                self._note((*here, key), key, *wrong)
        elif isinstance(column, Pick) and column.pick not in self._traffic.tables:
            expected = one_of(self._traffic.tables, column.pick)
            self._note((*here, "pick"), "pick", f"a table, {expected}", column.pick)

    def _episode(self, here: Location, column: During) -> None:
        episode = self._traffic.episodes.get(column.during)
        if episode is None:
            expected = one_of(self._traffic.episodes, column.during)
            self._note((*here, "during"), "during", f"an episode, {expected}", column.during)
            return
        known = (*OF_EPISODE, *episode.throws, *episode.columns)
        for key, name in (*(("where", name) for name in column.where), ("take", column.take)):
            if name is not None and name not in known:
                expected = f"a column of {column.during}, {one_of(known, name)}"
                self._note((*here, key), key, expected, name)

    def _reads(self, here: Location, names: Collection[str], known: Collection[str]) -> None:
        for name in sorted(set(names) - set(known)):
            self._note(here, f"column read by {here[-1]}", one_of(known, name), name)

    def _note(self, here: Location, what: str, expected: str, found: str) -> None:
        self._document.problem(here, what, expected=expected, found=found)
