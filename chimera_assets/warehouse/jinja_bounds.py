"""Jinja whose cost is bounded: what a model's expressions make and read is counted as it goes.

A few filters in a row, or a variable set from itself twice, make gigabytes of some bytes.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.compiler import CodeGenerator
from jinja2.sandbox import SandboxedEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Template, nodes
    from jinja2.compiler import Frame
    from jinja2.runtime import Context

#: So many characters and items a model may make and read; the longest of ours has some thousands.
_MOST = 10_000_000


class TooMuch(Exception):  # noqa: N818 - caught where the model is known
    """A template makes more than any model needs."""


class _Generator(CodeGenerator):
    """Has `a ~ b` pass by the environment, as `a + b` does in a sandbox."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.concatenated((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class BoundedEnvironment(SandboxedEnvironment):
    """A sandbox that also bounds what templates cost."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+"})

    def __init__(self) -> None:
        # Not optimized, as that would work out constants before anything is counted.
        super().__init__(
            undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"], optimized=False
        )
        self._spent = 0
        for name, function in self.filters.items():
            self.filters[name] = self._counted(name, function)

    def text_of(self, template: Template, given: dict[str, Any]) -> str:
        """What a template renders to.

        Raises:
            TooMuch: It costs too much.
        """
        self._spent = 0
        pieces: list[str] = []
        for piece in template.generate(**given):
            self._spend(len(piece))
            pieces.append(piece)
        return "".join(pieces)

    def concatenated(self, parts: tuple[object, ...]) -> str:
        """The parts as one text."""
        texts = [str(part) for part in parts]
        self._spend(sum(map(len, texts)))
        return "".join(texts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - Jinja's
        """Add two values."""
        self._spend(_size(left) + _size(right))
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, called: Any, /, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - Jinja's
        """Call a function, or a method of a text."""
        owner = getattr(called, "__self__", None)
        if isinstance(owner, str):
            self._spend(_made(getattr(called, "__name__", ""), (owner, *args)))
        return super().call(context, called, *args, **named)

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)  # with it goes what Jinja wrote on it: that it gets a context first
        def counted(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - as above
            values = args[1:] if hasattr(function, "jinja_pass_arg") else args
            self._spend(_made(name, (*values, *named.values())))
            return function(*args, **named)

        return counted

    def _spend(self, number: int) -> None:
        self._spent += number
        if self._spent > _MOST:
            raise TooMuch


def _made(name: str, values: tuple[Any, ...]) -> int:
    """How much a filter or method makes and reads at most."""
    sizes = [_size(value) for value in values] + [0, 0]
    if name == "replace" and len(values) > 2:  # noqa: PLR2004 - a text, what, by what
        times = str(values[0]).count(str(values[1]))
        return sizes[0] + times * sizes[2]
    if name == "join":
        parts = values[0] if isinstance(values[0], (list, tuple)) else ()
        return sum(map(_size, parts)) + sizes[0] * (1 + sizes[1])
    return sum(sizes)


def _size(value: object) -> int:
    return len(value) if isinstance(value, (str, list, tuple, dict)) else 1
