"""Dagster events as JSON, at a fraction of the cost where many differ only in their partition.

A range run reports the same of hour after hour. What an event shares with the one before of its
kind is serialized once, by Dagster's own serializer, as a text with gaps; a gap is filled with the
partition, the time, or what is said of this one partition. The result is, letter by letter, what
Dagster would have made.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dagster._core.events import StepMaterializationData
from dagster._serdes import serialize_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagster import AssetMaterialization
    from dagster._core.events.log import EventLogEntry

#: Stands in a gap while a text is made; nothing else is like it.
_GAP = "\ufdd0gap"
_GAP_TEXT = json.dumps(_GAP)
_NO_TIME = -987654321.125

#: How many envelopes are kept: more than a step's kinds of events.
_ENVELOPES = 64


class EventSerializer:
    """Serializes event log entries of Dagster events."""

    def __init__(self) -> None:
        self._envelopes: dict[tuple[Any, ...], tuple[str, str, str]] = {}
        self._materializations: dict[Any, tuple[AssetMaterialization, str, str]] = {}

    def __call__(self, entry: EventLogEntry) -> str:
        """What `serialize_value` gives."""
        event = entry.get_dagster_event()
        about = (entry.run_id, event.step_key, event.event_type_value, event.message, event.pid)
        if about not in self._envelopes:
            if len(self._envelopes) >= _ENVELOPES:
                self._envelopes.clear()
            self._envelopes[about] = _envelope(entry)
        before, between, after = self._envelopes[about]
        data = self._data(event.event_specific_data)
        return f"{before}{data}{between}{json.dumps(entry.timestamp)}{after}"

    def _data(self, data: Any) -> str:  # noqa: ANN401
        if not isinstance(data, StepMaterializationData) or data.asset_lineage:
            return serialize_value(data)
        event = data.materialization
        like = self._materializations.get(event.asset_key)
        if like is None or not _same_but_partition(event, like[0]):
            gap = event._replace(partition=_GAP)
            before, after = _split(serialize_value(data._replace(materialization=gap)), _GAP_TEXT)
            like = self._materializations[event.asset_key] = (event, before, after)
        return f"{like[1]}{json.dumps(event.partition)}{like[2]}"


def _envelope(entry: EventLogEntry) -> tuple[str, str, str]:
    gap: Any = _GAP
    event = entry.get_dagster_event()._replace(event_specific_data=gap)
    text = serialize_value(entry._replace(dagster_event=event, timestamp=_NO_TIME))
    before, rest = _split(text, _GAP_TEXT)
    return before, *_split(rest, json.dumps(_NO_TIME))


def _split(text: str, gap: str) -> tuple[str, str]:
    before, _, after = text.partition(gap)
    return before, after


def _same_but_partition(one: AssetMaterialization, other: AssetMaterialization) -> bool:
    tags: Mapping[str, str] | None = one.tags
    return (
        tags == other.tags
        and one.description == other.description
        and one.metadata == other.metadata
    )
