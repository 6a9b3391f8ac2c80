"""The SQL of a pack's model, without starting dbt: its Jinja, with what a model may use of it.

A model is data, so it may use the macros of `dbt_project/macros/engine`, and of dbt `ref`,
`source`, `config`, `this`, `var` and what is about the run's hours. Not the rest: dbt's own
functions read files, the environment and other databases.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chimera_assets.packs.errors import ModelError
from chimera_assets.shipped import shipped_folder
from chimera_assets.warehouse.jinja_check import check_jinja

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment, Template

    from chimera_assets.warehouse.jinja_bounds import BoundedEnvironment

#: The macros for all models.
_MACROS = shipped_folder("dbt_project") / "dbt_project" / "macros" / "engine"

#: Hours as a run may have them, and the condition on them at its longest; see `run_hours.sql`.
_HOURS = {
    "start": datetime(2026, 1, 31, 5, tzinfo=UTC),
    "end": datetime(2026, 2, 1, 7, tzinfo=UTC),
    "last": datetime(2026, 2, 1, 6, tzinfo=UTC),
}
_IN_HOURS = """hour_partition between date '2026-01-31' and date '2026-02-01'
            and (hour_partition > date '2026-01-31' or hour >= 5)
            and (hour_partition < date '2026-02-01' or hour <= 6)"""


def _in_months(column: str = "hour_partition") -> str:
    """The condition on the months of these hours."""
    return f"{column} >= date '2026-01-01' and {column} < date '2026-03-01'"


class Unknown(Exception):  # noqa: N818 - caught below, with the line of the model it came from
    """A `ref` or `source` names nothing.

    Args:
        expected: What it could name, in words.
        found: What it names.
    """

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(expected, found)
        self.expected, self.found = expected, found


def model_text(
    text: str,
    ref: Callable[[str], str],
    source: Callable[[str, str], str],
    this: str,
    *,
    of_hours: bool = False,
) -> str:
    """The SQL of a model.

    Args:
        text: The model's file.
        ref: Gives a model's relation, or raises `Unknown`.
        source: Gives a source's relation, or raises `Unknown`.
        this: The model's own relation.
        of_hours: As for a run of some hours, rather than for all there are.

    Raises:
        ModelError: The file is no Jinja, or uses what a model may not.
    """
    import jinja2  # noqa: PLC0415 - only where packs are checked

    from chimera_assets.warehouse.jinja_bounds import TooMuch  # noqa: PLC0415 - as above

    given: dict[str, Any] = {"ref": lambda *names: ref(names[-1]), "source": source, "this": this}
    if of_hours:
        given |= {"run_hours": lambda: _HOURS, "in_run_hours": lambda: _IN_HOURS}
        given |= {"in_run_months": _in_months}
    try:
        return _environment().text_of(_template(text), given)
    except ModelError:
        raise
    except TooMuch as error:
        expected = "Jinja that makes less than ten million characters"
        raise ModelError(_line(error), expected, "more") from error
    except Unknown as error:
        raise ModelError(_line(error), error.expected, error.found) from error
    except jinja2.TemplateSyntaxError as error:
        raise ModelError(error.lineno, "Jinja that can be read", str(error.message)) from error
    except jinja2.UndefinedError as error:
        expected = "ref, source, config, this, var and the macros of dbt_project/macros"
        raise ModelError(_line(error), expected, str(error.message)) from error
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        raise ModelError(_line(error), "Jinja that can be rendered", found) from error


@lru_cache(maxsize=256)  # a model is rendered with hours and without
def _template(text: str) -> Template:
    check_jinja(text, _macros())
    return _environment().from_string(text)


@lru_cache(maxsize=1)
def _environment() -> BoundedEnvironment:
    """Jinja as dbt has it, in a sandbox, with the macros and little else."""
    from chimera_assets.warehouse.jinja_bounds import (  # noqa: PLC0415 - as above
        BoundedEnvironment,
    )

    made = BoundedEnvironment()
    made.globals |= {
        "adapter": _Adapter(made),
        "config": lambda **_: "",
        "in_run_hours": lambda: "1 = 1",
        "in_run_months": lambda column="hour_partition": "1 = 1",  # noqa: ARG005 - as the macro has
        "none": None,
        "run_hours": lambda: None,
        "var": lambda _, default=None: default,
    }
    macros = "".join(path.read_text(encoding="utf-8") for path in sorted(_MACROS.glob("*.sql")))
    module = made.from_string(macros).module
    made.globals |= {name: one for name, one in vars(module).items() if callable(one)}
    return made


@lru_cache(maxsize=1)
def _macros() -> frozenset[str]:
    """The macros of `_MACROS` that models call."""
    from jinja2.runtime import Macro  # noqa: PLC0415 - as above

    return frozenset(
        name
        for name, one in _environment().globals.items()
        if isinstance(one, Macro) and "__" not in name
    )


class _Adapter:
    """Of dbt's adapter, what macros with a version for each engine need."""

    def __init__(self, environment: Environment) -> None:
        self._globals = environment.globals

    def dispatch(self, name: str, package: str | None = None) -> Any:  # noqa: ANN401, ARG002 - a macro
        """DuckDB's version of a macro."""
        return self._globals[f"duckdb__{name}"]


def _line(error: BaseException) -> int:
    """The line of the template in which an error came up."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
            break
        trace = trace.tb_next
    return line
