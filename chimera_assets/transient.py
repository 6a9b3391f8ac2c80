"""Which faults are transient: the one place that decides whether an exception is worth a retry.

Network, a server that restarts, throttling, conflicts between writers pass. Contracts, settings,
schemas, gates, missing tables and full disks do not: somebody has to mend them, and to try again
only keeps that person waiting.
"""

from __future__ import annotations

from chimera_assets.errors import ChimeraError, chain

#: How object stores and the network word what passes by itself; their clients give no codes.
_TRANSIENT = (
    "timed out",
    "timeout",
    "connection",
    "error sending request",
    "response body",
    "slowdown",
    "slow down",
    "service unavailable",
    "internal server error",
    "too many requests",
    "throttl",
    "could not connect",
    "broken pipe",
    "dns error",
    " 500",
    " 502",
    " 503",
    " 504",
    " 429",
)

#: SQLSTATEs of PostgreSQL after which the same work may succeed, by their beginning: connection
#: lost, out of memory or connections, server going down or not yet up, serialisation, cancelled by
#: a standby's recovery. Not a full disk, which nobody empties in a minute, nor a dropped database.
TRANSIENT_STATES = ("08", "53200", "53300", "57P01", "57P02", "57P03", "57P05", "40")

#: Libraries whose faults of storage or network are known by their message only.
_BY_WORDS = ("botocore", "deltalake", "duckdb", "polars", "urllib3", "requests")

#: Engines also run our SQL, and a test's "Got 500 results" is no answer of a server: of their words
#: only those count that speak of storage. The same goes for an OSError, which may be anything's.
_ENGINES = ("dbt", "duckdb", "polars", "os")
_OF_STORAGE = ("s3 error", "http", "io error", "object store", "object-store", "storage failed")

#: What no retry can fix, whatever else the message says.
_LASTING = ("disk is full", "no space left", "disk full", "file too large", "access denied")


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed if it is done again, with nothing changed.

    The exception and its causes are checked, outermost first; the first that is known
    decides. An error of ours knows by itself. What nobody knows does not pass.
    """
    for one in chain(error):
        if isinstance(one, ChimeraError):
            return one.transient
        verdict = _verdict(one)
        if verdict is not None:
            return verdict
    return False


def dbt_is_transient(words: str) -> bool:
    """Whether dbt's message for a node that failed is about a fault that passes.

    Only for what failed in an engine: it has nothing but words. What our own plugin raised is known
    as it is (see `warehouse/node_errors.py`).
    """
    return _by_words("dbt", words.lower()) or False


def sounds_transient(text: str) -> bool:
    """Whether a message of an object store or the network is of a transient fault."""
    lower = text.lower()
    return any(mark in lower for mark in _TRANSIENT)


def _verdict(error: BaseException) -> bool | None:
    """What one exception says by itself; None if nothing."""
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    if state := getattr(error, "sqlstate", None):
        return str(state).startswith(TRANSIENT_STATES)
    library = type(error).__module__.partition(".")[0].lstrip("_")
    if library in _BY_WORDS:
        return _by_words(library, str(error).lower())
    # As such deltalake raises what the storage answered.
    return _by_words("os", str(error).lower()) if isinstance(error, OSError) else None


def _by_words(library: str, words: str) -> bool | None:
    if any(mark in words for mark in _LASTING):
        return False
    if library in _ENGINES and not any(mark in words for mark in _OF_STORAGE):
        return None
    return sounds_transient(words) or None
