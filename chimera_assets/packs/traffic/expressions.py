"""Expressions in traffic files: SQL over the columns of one row, evaluated by Polars."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any

import polars as pl
from pydantic import BeforeValidator

from chimera_assets.errors import one_line
from chimera_assets.yaml_documents.models import refuse

#: More than anybody writes. Polars ends the process over thousands of terms, without a word, and
#: takes seconds over hundreds.
_LONGEST = 1_000

#: What Polars raises for an expression that it cannot compute, or gives up within.
COMPUTING_ERRORS = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    TypeError,
    ValueError,
    OverflowError,
)

#: A decimal number; texts and quoted names are matched first, and left as they are.
_DECIMAL = re.compile(r"""'[^']*'|"[^"]*"|\b\d+\.\d+(?![\deE.])""")


@lru_cache(maxsize=1024)
def parsed(text: str) -> pl.Expr:
    """The Polars expression of a SQL expression, decimal numbers read as floating-point ones.

    Raises:
        PolarsError: It is no SQL.
    """
    # Polars gives `0.5` the type DECIMAL, which would spread to all that is computed with it.
    return pl.sql_expr(_DECIMAL.sub(_floating, text))


def columns_of(text: str) -> frozenset[str]:
    """The columns that a SQL expression reads."""
    return frozenset(parsed(text).meta.root_names())


def _floating(found: re.Match[str]) -> str:
    return found[0] if found[0][0] in "'\"" else f"{found[0]}e0"


def _checked(value: Any) -> str:  # noqa: ANN401 - whatever YAML holds
    if isinstance(value, bool | int | float):
        return str(value)
    if not isinstance(value, str):
        refuse("a SQL expression", repr(value)[:80])
    if len(value) > _LONGEST:
        refuse(f"a SQL expression of at most {_LONGEST:,} characters", f"{len(value):,}")
    try:
        parsed(value)
    except COMPUTING_ERRORS as error:
        refuse("a SQL expression that Polars knows", one_line(str(error), _LONGEST))
    return value


#: SQL text that was found to be an expression; a number in a file is one, too.
Sql = Annotated[str, BeforeValidator(_checked)]
