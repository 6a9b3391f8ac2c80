"""What each change of a record's state is called, and why it came, as the commit says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.layers import LANDING, MARTS, QUARANTINE, RAW, STAGED
from chimera_assets.lineage.record import Happened
from chimera_assets.quality.quarantine import REPLAYED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import polars as pl

    from chimera_assets.lineage.row_states import State
    from chimera_assets.lineage.table_log import LogCommit, TableLog

#: Columns that say which run wrote a row, and nothing of the record.
_OF_THE_RUN = frozenset({"_batch_id", "_ingested_at", "batch_id", "first_seen", "last_seen"})

_FIRST = {
    LANDING: "landed",
    RAW: "extracted",
    QUARANTINE: "rejected",
    STAGED: "published",
    MARTS: "stored",
}
_CHANGED = {LANDING: "read again", QUARANTINE: "rejected again"}
_GONE = {
    LANDING: "taken back",
    RAW: "gone",
    QUARANTINE: "released",
    STAGED: "withdrawn",
    MARTS: "gone",
}
_WHY_GONE = {RAW: "the source did not have it in this hour any more when that was extracted again"}


def happened(log: TableLog, found: Sequence[State], replays: Collection[str]) -> Iterator[Happened]:
    """What happened to a record in one table, oldest first.

    Args:
        log: The table's log.
        found: The record's states there.
        replays: The runs that replayed rejected rows of its hour.
    """
    table = f"{log.table.layer}/{log.table.name}"
    before: pl.DataFrame | None = None
    lost: list[int] = []
    for state in found:
        commit = state.commit
        if state.rows is None:
            lost.append(commit.version if commit is not None else log.oldest - 1)
            continue
        if lost:
            yield _lost(table, lost)
        what, columns, detail = _change(log.table.layer, state, None if lost else before, replays)
        if commit is None:
            detail = "before the oldest entry of the log: by which commit cannot be said"
        elif lost:
            detail = "whether it was the same before cannot be said"
        before, lost = state.rows, []
        if what is None:
            continue
        if commit is None:
            yield Happened(None, table, None, None, what, columns, detail)
        else:
            yield Happened(commit.at, table, commit.version, commit.run, what, columns, detail)
    if lost:
        yield _lost(table, lost)


def _again(layer: str) -> str:
    return f"{_FIRST[layer]} again"


def _lost(table: str, versions: Sequence[int]) -> Happened:
    first, last = versions[0], versions[-1]
    which = f"version {first}" if first == last else f"versions {first} to {last}"
    detail = f"files of {which} are gone (vacuum): what it was then cannot be said"
    return Happened(None, table, last, None, "unknown", (), detail)


_Change = tuple[str | None, tuple[str, ...], str | None]


def _change(
    layer: str, state: State, before: pl.DataFrame | None, replays: Collection[str]
) -> _Change:
    """What a commit changed of a record: in a word, which columns, and why; None for nothing."""
    after = state.rows
    assert after is not None  # noqa: S101 - by the caller
    had, has = before is not None and not before.is_empty(), not after.is_empty()
    if not has:
        return _gone(layer, state.commit, replays) if had else (None, (), None)
    undone = _undone(state.commit)
    if not had or before is None:
        return _FIRST[layer], (), undone
    columns = changed_columns(before, after)
    by_run = columns and set(columns) <= _OF_THE_RUN
    shown = tuple(name for name in columns if name not in _OF_THE_RUN)
    if not columns or (layer == QUARANTINE and by_run):
        return None, (), None
    if by_run:
        return _again(layer), (), undone
    replayed = "replay_state" in shown and REPLAYED in after["replay_state"]
    return _CHANGED.get(layer, "changed"), shown, "by a replay" if replayed else undone


def changed_columns(before: pl.DataFrame, after: pl.DataFrame) -> tuple[str, ...]:
    """The columns in which rows of a record differ; all that are not in both count."""
    names = list(dict.fromkeys([*before.columns, *after.columns]))
    return tuple(name for name in names if _values(before, name) != _values(after, name))


def _values(rows: pl.DataFrame, name: str) -> list[str]:
    if name not in rows.columns:
        return ["None"] * rows.height
    return sorted(map(repr, rows[name].to_list()))


def _undone(commit: LogCommit | None) -> str | None:
    if commit is not None and commit.operation == "RESTORE":
        return f"the table was restored to version {commit.said.get('chimera.restored', '?')}"
    return None


def _gone(layer: str, commit: LogCommit | None, replays: Collection[str]) -> _Change:
    if commit is None:
        return None, (), None
    days = commit.said.get("chimera.retention_days")
    if days is not None:
        return "deleted", (), f"by retention, as it was older than {days} days"
    if commit.said.get("chimera.write") == "remove rows":
        return ("purged", (), None) if layer == QUARANTINE else ("deleted", (), None)
    if (undone := _undone(commit)) is not None:
        return _GONE[layer], (), undone
    if layer == QUARANTINE and commit.run in replays:
        return "replayed", (), None
    return _GONE[layer], (), _WHY_GONE.get(layer)
