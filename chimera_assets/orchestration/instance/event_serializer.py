"""Dagster events as JSON, at a fraction of the cost where many differ only in their partition.

A range run reports the same of hour after hour. What an event shares with the one before of its
kind is serialized once, by Dagster's own serializer, as a text with gaps; a gap is filled with the
partition, the time, or a number that is said of this one partition. The result is, letter by
letter, what Dagster would have made.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from dagster import IntMetadataValue
from dagster._core.events import StepMaterializationData
from dagster._serdes import serialize_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dagster import AssetMaterialization, MetadataValue
    from dagster._core.events.log import EventLogEntry

#: Stands in a gap while a text is made; nothing else is like it.
_GAP = "\ufdd0gap"
_GAP_TEXT = json.dumps(_GAP)
_NO_TIME = -987654321.125

#: Stands in the gap of a number of the metadata: with the number's place among them at the end.
_NO_NUMBER = -9_876_543_210_123_000
_MOST_NUMBERS = 999
_GAPS = re.compile(rf"({re.escape(_GAP_TEXT)}|-9876543210123\d{{3}})")

#: How many envelopes are kept: more than a step's kinds of events.
_ENVELOPES = 64


class EventSerializer:
    """Serializes event log entries of Dagster events."""

    def __init__(self) -> None:
        self._envelopes: dict[tuple[Any, ...], tuple[str, str, str]] = {}
        self._materializations: dict[Any, tuple[AssetMaterialization, list[str]]] = {}

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
            made = serialize_value(data._replace(materialization=_with_gaps(event)))
            parts = _GAPS.split(made)
            if len(parts) != 2 * len(_numbers(event)) + 3:  # one of the texts looks like a gap
                return serialize_value(data)
            like = self._materializations[event.asset_key] = (event, parts)
        return "".join(_filled(like[1], event))


def _with_gaps(event: AssetMaterialization) -> AssetMaterialization:
    """The event with gaps in place of its partition and of the numbers in its metadata."""
    metadata = dict(event.metadata)
    for place, name in enumerate(_numbers(event)):
        metadata[name] = IntMetadataValue(_NO_NUMBER - place)
    return event._replace(partition=_GAP, metadata=metadata)


def _filled(parts: list[str], event: AssetMaterialization) -> Iterator[str]:
    """The parts of a text, its gaps filled with what an event has there."""
    numbers = list(_numbers(event).values())
    for part in parts:
        if part == _GAP_TEXT:
            yield json.dumps(event.partition)
        elif _GAPS.fullmatch(part):
            yield json.dumps(numbers[_NO_NUMBER - int(part)])
        else:
            yield part


def _numbers(event: AssetMaterialization) -> dict[str, int | None]:
    found = {k: v.value for k, v in event.metadata.items() if isinstance(v, IntMetadataValue)}
    return found if len(found) <= _MOST_NUMBERS else {}


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
    """Whether two events differ in nothing but partition and numbers."""
    tags: Mapping[str, str] | None = one.tags
    return (
        tags == other.tags
        and one.description == other.description
        and list(one.metadata) == list(other.metadata)
        and all(map(_same_but_number, one.metadata.values(), other.metadata.values()))
    )


def _same_but_number(one: MetadataValue[Any], other: MetadataValue[Any]) -> bool:
    if isinstance(one, IntMetadataValue):
        return isinstance(other, IntMetadataValue)
    return one == other
