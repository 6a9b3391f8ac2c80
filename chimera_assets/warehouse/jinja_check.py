"""What the Jinja of a model may say, in all of its branches: dbt may take others than a check.

So it is looked at as a tree. Names and attributes are those of a short list; and what differs from
run to run - hours, variables, relations - may be written, and handed to macros, but decides
nothing, except whether there are hours: the check renders a model both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from jinja2 import Environment, nodes
from jinja2.meta import find_undeclared_variables

from chimera_assets.errors import in_short
from chimera_assets.packs.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: What a model may be configured by. dbt's hooks, for instance, would run any SQL.
CONFIG = frozenset({"key_columns", "keeps_history", "materialized", "strategy", "tags"})

#: Names that differ from run to run.
_OF_HOURS = frozenset({"run_hours"})
_OF_RUN = frozenset({"in_run_hours", "in_run_months", "ref", "source", "this", "var"})

_FUNCTIONS = frozenset({
    "config", "in_run_hours", "in_run_months", "range", "ref", "run_hours", "source", "var",
})  # fmt: skip
_VALUES = frozenset({"this"})

#: Of moments and of run_hours: what is written of them is digits and what the pack itself says.
_OF_MOMENTS = frozenset(
    ("date", "day", "end", "hour", "isoformat", "last", "month", "start", "strftime", "year")
)
#: Of loop, mappings and texts, too. None changes what it is of, so that loops end.
_ATTRIBUTES = _OF_MOMENTS | frozenset({
    "endswith", "first", "get", "index", "index0", "items", "keys", "length", "lower", "replace",
    "split", "startswith", "strip", "upper", "values",
})  # fmt: skip
_FILTERS = frozenset({
    "abs", "capitalize", "default", "first", "float", "int", "join", "last", "length", "list",
    "lower", "max", "min", "replace", "reverse", "round", "sort", "string", "title", "trim",
    "unique", "upper",
})  # fmt: skip
_TESTS = frozenset({
    "defined", "divisibleby", "eq", "equalto", "even", "false", "ge", "gt", "in", "integer", "le",
    "lt", "mapping", "ne", "none", "number", "odd", "sequence", "string", "true", "undefined",
})  # fmt: skip

_STATEMENTS = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign)
_EXPRESSIONS = (
    *(nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword),
    *(nodes.Call, nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Slice),
    *(nodes.Concat, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr),
    *(nodes.Add, nodes.Sub, nodes.Div, nodes.FloorDiv, nodes.Neg, nodes.Pos),
)

#: What may be made of what differs from run to run.
_WRITTEN = (nodes.Output, nodes.Assign, nodes.Getattr, nodes.Concat)

#: The longest `range`, and how deep loops may be in each other.
_RANGE, _DEPTH = 1_000, 2


def check_jinja(text: str, macros: Collection[str]) -> None:
    """See that a text uses what it may of dbt, in every branch, and that its loops end.

    Args:
        text: Jinja.
        macros: The macros that it may use.

    Raises:
        ModelError: It does not, with its line.
        jinja2.TemplateSyntaxError: It is no Jinja.
    """
    # Not optimized, as that would work out the constants.
    parser = Environment(optimized=False)  # noqa: S701 - nothing is rendered by it
    parser.globals.clear()  # else they would count as declared
    tree = parser.parse(text)
    # What looks for names works out constants, too, unless their filters fail.
    parser.filters = dict.fromkeys(parser.filters, _not_now)
    functions = {*_FUNCTIONS, *macros}
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, (*_STATEMENTS, *_EXPRESSIONS)):
            _refuse(node, "Jinja of expressions, if, for and set", type(node).__name__.lower())
    outside = find_undeclared_variables(tree) - functions - _VALUES
    for name in tree.find_all(nodes.Name):
        # A name that is set in one branch only is dbt's in the other.
        if name.name in outside and name.ctx == "load":
            _refuse(name, _expected(), f"{name.name!r} is undefined for packs")
        if name.ctx == "store" and name.name in functions | _VALUES:
            _refuse(name, "a variable of another name than dbt's and the macros'", name.name)
    _Check(tree, functions).node(tree, None, 0)


def _not_now(*_: object, **__: object) -> NoReturn:
    raise NotImplementedError


class _Check:
    """The walk through one tree."""

    def __init__(self, tree: nodes.Template, functions: Collection[str]) -> None:
        self._functions = functions
        self._hours, self._run = set(_OF_HOURS), set(_OF_RUN)
        assigned = list(tree.find_all(nodes.Assign))
        for _ in range(
            len(assigned)
        ):  # a variable may be set from one that is set below, in a loop
            for one in assigned:
                names = {name.name for name in _names(one.target)}
                for kind in (self._hours, self._run):
                    if self._reads(one.node, kind):
                        kind.update(names)

    def node(self, node: nodes.Node, parent: nodes.Node | None, depth: int) -> None:
        """Check a node and all below it; `depth` loops are around it."""
        if isinstance(node, nodes.Call):
            self._call(node)
        elif isinstance(node, nodes.Name):
            self._name(node, parent)
        elif isinstance(node, nodes.Getattr) and node.attr not in _ATTRIBUTES:
            _refuse(node, f"of attributes, {', '.join(sorted(_ATTRIBUTES))}", node.attr)
        elif isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Slice):
            self._item(node)
        elif isinstance(node, (nodes.Filter, nodes.Test)):
            _filter(node)
        elif isinstance(node, nodes.For):
            depth += 1
            if depth > _DEPTH or node.recursive:
                _refuse(node, f"loops at most {_DEPTH} deep", "one deeper")
        if isinstance(node, nodes.Expr) and not self._may_vary(node, parent):
            expected = (
                "a condition or value that is the same in every run, or `run_hours() is none`"
            )
            _refuse(node, expected, "one of hours, variables or relations")
        for child in node.iter_child_nodes():
            self.node(child, node, depth)

    def _may_vary(self, node: nodes.Expr, parent: nodes.Node | None) -> bool:
        if not self._reads(node, self._hours | self._run) or isinstance(node, nodes.Name):
            return True
        if isinstance(node, nodes.Getattr) and node.attr not in _OF_MOMENTS:
            return False
        if isinstance(node, nodes.Test) and node.name == "none":
            return not self._reads(node, self._run)
        if isinstance(node, nodes.Not):
            return isinstance(node.node, nodes.Test)
        if isinstance(node, (nodes.Call, nodes.Getattr, nodes.Concat)):
            of_test = isinstance(parent, nodes.Test) and parent.name == "none"
            is_argument = isinstance(parent, nodes.Call)
            return of_test or is_argument or isinstance(parent, _WRITTEN)
        return isinstance(node, nodes.Keyword)

    def _reads(self, node: nodes.Node, names: Collection[str]) -> bool:
        return any(name.name in names for name in _names(node))

    def _call(self, node: nodes.Call) -> None:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            _refuse(node, "arguments one by one", "* or **")
        callee = node.node
        if isinstance(callee, nodes.Getattr):
            return
        if not isinstance(callee, nodes.Name) or callee.name not in self._functions:
            _refuse(node, _expected(), "a call of something else")
        if callee.name == "config":
            given = [one.key for one in node.kwargs] + ["a mapping"] * len(node.args)
            if others := sorted(set(given) - CONFIG):
                _refuse(node, f"config of {', '.join(sorted(CONFIG))}", ", ".join(others))
        if callee.name == "range" and not all(
            isinstance(one, nodes.Const) and isinstance(one.value, int) and one.value <= _RANGE
            for one in node.args
        ):
            _refuse(node, f"range of whole numbers up to {_RANGE:,}", "another")
        if callee.name in {"ref", "source", "config", "range", "var"} and any(
            self._reads(one, self._hours | self._run) for one in (*node.args, *node.kwargs)
        ):
            _refuse(node, f"{callee.name} of what is the same in every run", "another")

    def _name(self, node: nodes.Name, parent: nodes.Node | None) -> None:
        is_called = isinstance(parent, nodes.Call) and parent.node is node
        if node.name in self._functions and not is_called:
            _refuse(node, f"{node.name}(...)", node.name)
        if node.ctx == "load" and node.name in self._hours | self._run and not is_called:
            is_none = isinstance(parent, nodes.Test) and parent.name == "none"
            hours = is_none and node.name not in self._run
            if not hours and not isinstance(parent, (*_WRITTEN, nodes.Call, nodes.Keyword)):
                expected = "what is the same in every run, or `run_hours() is none`"
                _refuse(node, expected, f"{node.name} in a condition or a value")

    def _item(self, node: nodes.Getitem) -> None:
        if not isinstance(node.arg, nodes.Const) or (
            isinstance(node.arg.value, str) and node.arg.value.startswith("_")
        ):
            _refuse(node, "an item by its number or name", "another")


def _filter(node: nodes.Filter | nodes.Test) -> None:
    known = _FILTERS if isinstance(node, nodes.Filter) else _TESTS
    kind = type(node).__name__.lower()
    if node.name not in known:
        _refuse(node, f"of {kind}s, {', '.join(sorted(known))}", node.name)
    if any(one.key == "attribute" for one in node.kwargs) or node.dyn_args or node.dyn_kwargs:
        _refuse(node, f"{kind} {node.name} without attribute, * and **", "one")
    if len(node.args) > (2 if node.name in {"default", "replace"} else 1):
        _refuse(node, f"{kind} {node.name} of one argument", in_short([str(len(node.args))]))


def _names(node: nodes.Node) -> Iterator[nodes.Name]:
    if isinstance(node, nodes.Name):
        yield node
    yield from node.find_all(nodes.Name)


def _expected() -> str:
    return "ref, source, config, this, var and the macros of dbt_project/macros"


def _refuse(node: nodes.Node, expected: str, found: str) -> NoReturn:
    raise ModelError(node.lineno, expected, found)
