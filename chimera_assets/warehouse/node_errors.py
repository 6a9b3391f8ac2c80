"""What the lake plugin raised for dbt's nodes: dbt itself passes on the text only.

The plugin runs in dbt's process. What it raises is kept there, by the node at work, so that the
error itself can be asked whether the fault is transient.
"""

from __future__ import annotations

from threading import Lock

from chimera_assets.transient import dbt_is_transient, is_transient

_LOCK = Lock()
_ERRORS: dict[str, BaseException] = {}


def keep_error(node_id: str, error: BaseException) -> None:
    """Keep what was raised for a node; dbt's threads may do so at once.

    Args:
        node_id: dbt's `unique_id` of the node or hook.
        error: What is about to be raised.
    """
    with _LOCK:
        _ERRORS[node_id] = error


def take_errors() -> dict[str, BaseException]:
    """What was kept since the last call, by node; from here on nothing is kept of it."""
    with _LOCK:
        errors = dict(_ERRORS)
        _ERRORS.clear()
    return errors


def passes(words: str, raised: BaseException | None) -> bool:
    """Whether a fault passes: by what our plugin raised, else by an engine's words.

    Args:
        words: dbt's.
        raised: What the lake plugin raised, if it did; for the others only words are known.
    """
    return is_transient(raised) if raised is not None else dbt_is_transient(words)
