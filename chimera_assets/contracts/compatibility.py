"""Can a changed rule reject what it accepted before?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chimera_assets.contracts.model import Rule

    Loosened = Callable[[Any, Any], bool]


def _no_greater(old: Any, new: Any) -> bool:  # noqa: ANN401 - numbers, or None for no bound
    return (-math.inf if new is None else new) <= (-math.inf if old is None else old)


def _no_smaller(old: Any, new: Any) -> bool:  # noqa: ANN401 - numbers, or None for no bound
    return (math.inf if new is None else new) >= (math.inf if old is None else old)


def _has_all(old: Any, new: Any) -> bool:  # noqa: ANN401 - lists of values
    return set(new) >= set(old) if isinstance(old, list) and isinstance(new, list) else old == new


def _has_no_more(old: Any, new: Any) -> bool:  # noqa: ANN401 - lists of values
    return _has_all(new, old)


#: Parameters of which one can say which way is looser.
_LOOSER: dict[str, Loosened] = {
    "min": _no_greater,
    "above": _no_greater,
    "max": _no_smaller,
    "below": _no_smaller,
    "at_least_rows": lambda old, new: (new or 0) >= (old or 0),
    "minutes": lambda old, new: (new or 0) >= (old or 0),
    "tolerance": lambda old, new: (new or 0) >= (old or 0),
}


def may_reject_more(old: Rule, new: Rule) -> bool:
    """Whether the new rule may reject something that the old one accepted.

    Where the parameters do not show that (another check, another expression), it may.
    """
    if (old.check, old.level, old.column) != (new.check, new.level, new.column):
        return True
    return not all(
        _looser(old, name, old.params, new.params) for name in {**old.params, **new.params}
    )


def _looser(rule: Rule, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = old.get(name), new.get(name)
    if name == "values":
        return (_has_no_more if rule.check == "not_missing" else _has_all)(before, after)
    if name in _LOOSER:
        return _LOOSER[name](before, after)
    return bool(before == after)
