"""A YAML file that remembers on which line each of its parts stands, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from chimera_assets.errors import one_line
from chimera_assets.paths import regular_text
from chimera_assets.yaml_documents.cut_expressions import cut_expressions
from chimera_assets.yaml_documents.problems import DocumentError, Problem
from chimera_assets.yaml_documents.wording import parsers_words

if TYPE_CHECKING:
    from pathlib import Path

#: The way to a part of the file: keys and list positions from the top.
Location = tuple[str | int, ...]

#: Deeper than any file of ours; stops a file whose aliases contain themselves, and one that is so
#: deep that the parser would end the process.
_DEEPEST = 40

#: More than any file of ours has; stops a file whose aliases multiply.
_MOST_PARTS = 200_000

#: So many problems of a file are told; who reads more of them begins with the first.
_MOST_PROBLEMS = 100

#: A key by which one mapping takes the content of others. Nothing of ours needs it, and it
#: multiplies as aliases do, in the parser already.
_MERGE = "tag:yaml.org,2002:merge"

_MOST_BYTES = 8 * 2**20

#: The one in C, where PyYAML has it: contracts are read at every start.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Document:
    """A parsed file, the lines of its parts, and what was found wrong with it so far.

    Attributes:
        path: The file.
        kind: What it is, `contract` for instance, for messages.
        error: What is raised of its problems.
        data: Its content, not to be changed.
        lines: Part -> line.
        problems: What is wrong.
        patches: Parts that stand in another file -> its path, and the line there.
        is_parsed: Whether all parts have their line.
    """

    path: Path
    kind: str
    error: type[DocumentError]
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Location, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    patches: dict[Location, tuple[Path, int]] = field(default_factory=dict)
    is_parsed: bool = False

    def line(self, location: Location) -> int:
        """The line of a part, or of the nearest part around it."""
        return self.place(location)[1]

    def place(self, location: Location) -> tuple[Path, int]:
        """The file and the line of a part, or of the nearest part around it."""
        for length in range(len(location), 0, -1):
            part = location[:length]
            if part in self.patches:
                return self.patches[part]
            if part in self.lines:
                return self.path, self.lines[part]
        return self.path, 1

    def problem(self, location: Location, what: str, *, expected: str, found: object) -> None:
        """Note something that is wrong at a place.

        Raises:
            DocumentError: So much is wrong already that the rest need not be looked for.
        """
        path, line = self.place(location)
        self.problems.append(Problem(path, line, what, expected, str(found)))
        if self.is_parsed and len(self.problems) > _MOST_PROBLEMS:
            self.raise_problems()

    def raise_problems(self) -> None:
        """Raise what was noted, if anything.

        Raises:
            DocumentError: Something was noted.
        """
        if self.problems:
            told = sorted(self.problems, key=lambda problem: problem.line)[:_MOST_PROBLEMS]
            if len(told) < len(self.problems):
                expected = f"at most {_MOST_PROBLEMS} problems"
                told.append(Problem(self.path, told[-1].line, self.kind, expected, "more"))
            raise self.error(told)


def read_document(path: Path, kind: str, error: type[DocumentError]) -> Document:
    """Parse a YAML file.

    Args:
        path: The file.
        kind: What it is, for messages.
        error: The class of what is raised.

    Raises:
        DocumentError: Of that class. The file cannot be read, is no YAML, has no mapping at its
            top, or has a key twice in one mapping (of which YAML would silently drop the first).
    """
    try:
        text = regular_text(path, _MOST_BYTES)
    except (OSError, UnicodeDecodeError) as failure:
        document = Document(path, kind, error)
        document.problem((), kind, expected="a readable UTF-8 file", found=_words(failure))
    else:
        parsed = _parsed(path, kind, text)
        lines, problems = {**parsed.lines}, [*parsed.problems]
        document = replace(parsed, error=error, lines=lines, problems=problems, is_parsed=True)
    document.raise_problems()
    return document


@lru_cache(maxsize=128)  # the files of packs are read by several, one after the other
def _parsed(path: Path, kind: str, text: str) -> Document:
    """A text as a document, with what is wrong with it as YAML."""
    document = Document(path, kind, DocumentError)
    document.problems += cut_expressions(path, text, _Loader)
    try:
        _require_shallow(text)
        document.data = _parse(text, document)
    except yaml.YAMLError as failure:
        mark = getattr(failure, "problem_mark", None)
        document.lines[("yaml",)] = mark.line + 1 if mark is not None else 1
        document.problem(("yaml",), kind, expected="well-formed YAML", found=parsers_words(failure))
    return document


def _require_shallow(text: str) -> None:
    """See that parts are not nested too deep, which the parser's recursion could not bear.

    Raises:
        YAMLError: They are, or this is no YAML.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                mark: Any = event.start_mark  # of the parser in C, which the stubs tell apart
                found = f"parts nested more than {_DEEPEST} deep"
                raise yaml.MarkedYAMLError(problem=found, problem_mark=mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _words(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"a byte that is not UTF-8 at position {error.start}"


def _parse(text: str, document: Document) -> dict[str, Any]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            found = (
                "an empty file"
                if node is None
                else "a list"
                if isinstance(node, yaml.SequenceNode)
                else "one value"
            )
            document.problem((), document.kind, expected="a mapping of keys", found=found)
            return {}
        data: dict[str, Any] = _value(loader, node, (), document)
        return data
    finally:
        loader.dispose()


def _value(loader: yaml.SafeLoader, node: yaml.Node, here: Location, document: Document) -> Any:  # noqa: ANN401 - whatever YAML holds
    if len(document.lines) > _MOST_PARTS:
        if not document.problems:
            expected = f"at most {_MOST_PARTS:,} parts"
            document.problem(here[:1], document.kind, expected=expected, found="more, by aliases")
        return None
    if len(here) > _DEEPEST:
        document.problem(here[:2], document.kind, expected="no alias within itself", found="a loop")
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, here, document)
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            document.lines[(*here, position)] = item.start_mark.line + 1
        return [
            _value(loader, item, (*here, position), document)
            for position, item in enumerate(node.value)
        ]
    return _scalar(loader, node, here, document)


def _scalar(loader: yaml.SafeLoader, node: yaml.Node, here: Location, document: Document) -> Any:  # noqa: ANN401 - whatever YAML holds
    try:
        value = loader.construct_object(node)
        if isinstance(value, int):
            str(value)  # of one in hexadecimal digits Python minds the length only here
    except (ValueError, LookupError) as error:  # a date of month 99, or `!!int abc`
        document.lines.setdefault(here, node.start_mark.line + 1)
        what = str(here[-1]) if here else document.kind
        found = f"{one_line(str(node.value), 40)} ({one_line(str(error), 80)})"
        document.problem(here, what, expected="what YAML can read", found=found)
        return None
    return value


def _mapping(
    loader: yaml.SafeLoader,
    node: yaml.MappingNode,
    here: Location,
    document: Document,
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if key_node.tag == _MERGE:
            document.lines[(*here, _MERGE)] = key_node.start_mark.line + 1
            place, expected = (*here, _MERGE), "keys and values, written out"
            document.problem(place, "<<", expected=expected, found="the content of another part")
            continue
        key = str(_scalar(loader, key_node, (*here, str(key_node.value)), document))
        place = (*here, key)
        if key in values:
            expected = f"the key once (it stands on line {document.lines[place]} already)"
            document.lines[(*place, "twice")] = key_node.start_mark.line + 1
            document.problem((*place, "twice"), key, expected=expected, found="it again")
            continue
        document.lines[place] = key_node.start_mark.line + 1
        values[key] = _value(loader, value_node, place, document)
    return values
