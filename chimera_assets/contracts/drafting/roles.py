"""Which columns have a role: the event's time, the arrival, the key, the tenant, the person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.contracts.drafting.personal import INTERNAL, judged

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from chimera_assets.contracts.drafting.draft import Draft, DraftColumn

_ARRIVAL = ("created", "inserted", "ingested", "stored", "received", "loaded", "logged", "added")
_EVENT = ("event", "occurred", "timestamp", "start", "started", "requested", "time", "at", "ts")
_TENANT = ("tenant", "organization", "organisation", "org", "workspace", "team", "account")
_SUBJECT = ("user", "customer", "person", "patient", "employee", "email", "username", "contact")


@dataclass(frozen=True, slots=True)
class Roles:
    """The columns with a role, by name.

    Attributes:
        key: The key; guessed if the source has none.
        key_is_guessed: Whether it was guessed.
        key_lost_event: Whether the source's key has the event's time, too, as it has to have of a
            table that is partitioned by it.
        event: The event's time; None if no column is a time.
        arrival: The arrival.
        tenant: The tenant, if any is likely.
        subject: The person, if any is likely.
    """

    key: tuple[str, ...]
    key_is_guessed: bool
    key_lost_event: bool
    event: str | None
    arrival: str | None
    tenant: str | None
    subject: str | None


def roles(draft: Draft) -> Roles:
    """The likely roles of a draft's columns."""
    columns = draft.columns
    declared = sorted((one for one in columns if one.key), key=lambda one: one.key)
    key = tuple(one.name for one in declared) or _guessed_key(columns)
    times = [one.name for one in columns if one.type == "timestamp"]
    arrival = _first(times, _ARRIVAL) or (times[-1] if times else None)
    others = [name for name in times if name != arrival]
    event = _first(others, _EVENT) or (others[0] if others else arrival)
    timeless = tuple(name for name in key if name != event)
    key_lost_event = timeless != key and _is_unique(draft, timeless)
    plain = [one.name for one in columns if one.type in {"string", "integer"}]
    personal = [one.name for one in columns if judged(one)[0] != INTERNAL]
    return Roles(
        key=timeless if key_lost_event else key,
        key_is_guessed=not declared,
        key_lost_event=key_lost_event,
        event=event,
        arrival=arrival,
        tenant=_first(plain, _TENANT),
        subject=_first(personal, _SUBJECT),
    )


def _guessed_key(columns: Sequence[DraftColumn]) -> tuple[str, ...]:
    """A column without nulls whose values are all different, one called an id first."""
    unique = [
        one.name
        for one in columns
        if one.type in {"string", "integer"}
        and len(one.values)
        and one.values.null_count() == 0
        and one.values.n_unique() == len(one.values)
    ]
    unique.sort(key=lambda name: not ({"id", "uuid", "key"} & set(name.split("_"))))
    # A column of the key has to be there in each row.
    whole = sorted(columns, key=lambda one: one.values.null_count() > 0)
    return tuple(unique[:1]) or tuple(one.name for one in whole[:1])


def _is_unique(draft: Draft, names: Collection[str]) -> bool:
    """Whether no two of the rows looked at are alike in these columns."""
    values = pl.DataFrame(
        [one.values.alias(one.name) for one in draft.columns if one.name in names]
    )
    return values.height > 0 and values.n_unique() == values.height


def _first(names: Collection[str], words: Sequence[str]) -> str | None:
    """The first name that has the first of these words that any has."""
    for word in words:
        for name in names:
            if word in name.split("_"):
                return name
    return None
