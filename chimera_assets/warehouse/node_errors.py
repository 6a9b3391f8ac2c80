"""What the lake plugin raised for dbt's nodes: dbt itself passes on the text only.

dbt runs in this process, and so does the plugin. What it raises is kept here, by the node at work,
so that the step that started dbt can ask the error itself whether the fault is transient.
"""

from __future__ import annotations

from threading import Lock

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
