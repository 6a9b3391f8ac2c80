"""What names and versions in files may be, and how to say so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

_Value = TypeVar("_Value")

#: A name that is also the name of tables, assets and folders.
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
NAME_IN_WORDS = (
    "lower-case letters, digits and _, at most 63, a letter first, and no reserved word of SQL"
)

#: What no engine takes for the name of a table or a column that has no quotes; DuckDB's list.
RESERVED = frozenset({
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "both",
    "case", "cast", "check", "collate", "column", "constraint", "create", "default",
    "deferrable", "desc", "describe", "distinct", "do", "else", "end", "except", "false",
    "fetch", "for", "foreign", "from", "group", "having", "in", "initially", "intersect",
    "into", "lambda", "lateral", "leading", "limit", "not", "null", "offset", "on", "only",
    "or", "order", "pivot", "pivot_longer", "pivot_wider", "placing", "primary", "qualify",
    "references", "returning", "select", "show", "some", "summarize", "symmetric", "table",
    "then", "to", "trailing", "true", "union", "unique", "unpivot", "using", "variadic", "when",
    "where", "window", "with",
})  # fmt: skip


def is_name(text: str) -> bool:
    """Whether tables, assets and files may be called so, in every engine and without quotes."""
    return NAME.fullmatch(text) is not None and text not in RESERVED


#: A semantic version without suffixes.
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
VERSION_IN_WORDS = "a semantic version such as 1.0.0"


def named(name: str, among: Mapping[str, _Value]) -> _Value | None:
    """What is called so: exactly, or else as only one is, whatever the case; else None."""
    if name in among:
        return among[name]
    folded = [value for known, value in among.items() if known.casefold() == name.casefold()]
    return folded[0] if len(folded) == 1 else None
