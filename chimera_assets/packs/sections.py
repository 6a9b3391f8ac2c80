"""A pack's `reports/*.yaml`: sections of its reports, each a title, figures, tables and charts.

    for section in sections_of(active_packs()): ...

Figures and tables are SELECTs over tables of the lake. Of hourly tables they see the rows of the
report's period, of one tenant if the report is of one; a figure that is compared is asked of the
period before, too.
"""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from chimera_assets.packs.claims import Claim, repeated
from chimera_assets.packs.errors import PackError
from chimera_assets.packs.lasting_select import lasting_select
from chimera_assets.packs.report_names import FileName, why_no_section
from chimera_assets.yaml_documents import one_of, read_document
from chimera_assets.yaml_documents.models import Name, Part, checked, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from chimera_assets.packs import Pack
    from chimera_assets.yaml_documents import Document, Location, Problem

#: The folder of a pack's sections, and how their files end.
FOLDER, SUFFIX = "reports", ".yaml"

#: How a value is shown: see `reports.document.Kind`.
Shown = Literal["text", "number", "money", "share", "time", "flag"]


Select = Annotated[str, AfterValidator(lasting_select)]
Title = Annotated[str, Field(min_length=1, max_length=200)]

#: The digits that a double holds of any decimal number; YAML reads numbers with a point as doubles.
_EXACT_DIGITS = 15


def _bound(value: object) -> object:
    """A threshold as it is written; a number of more digits than YAML keeps has to be a text."""
    if not isinstance(value, float) or not math.isfinite(value):
        return value
    exact = Decimal(repr(value))
    if len(exact.as_tuple().digits) > _EXACT_DIGITS:
        refuse(f"a number of at most {_EXACT_DIGITS} digits, or one in quotes", repr(value))
    return exact


#: A threshold: no number is below or above "not a number".
Bound = Annotated[Decimal, BeforeValidator(_bound), Field(allow_inf_nan=False)]


class Figure(Part):
    """One number that matters.

    Args:
        title: What it counts.
        sql: A SELECT that gives one row of one value.
        show: How it is shown.
        unit: Of the value.
        compare: Whether it is shown beside that of the period before.
        at_least: The section is not satisfied below this.
        at_most: Nor above this.
        note: What has to be known with it.
    """

    title: Title
    sql: Select
    show: Shown = "number"
    unit: str = ""
    compare: bool = False
    at_least: Bound | None = None
    at_most: Bound | None = None
    note: str = ""


class Column(Part):
    """How a column of a table is shown.

    Args:
        title: Its heading; its name without one.
        show: How its values are shown.
        unit: Of its values.
    """

    title: str = ""
    show: Shown | None = None
    unit: str = ""


class Table(Part):
    """Rows.

    Args:
        title: The heading.
        sql: A SELECT that gives them, in their order.
        columns: Column -> how it is shown; others are shown as they are.
        shown: So many rows stand in PDF and HTML; the files with it have all.
    """

    title: Title
    sql: Select
    columns: dict[Name, Column] = Field(default_factory=dict)
    shown: Annotated[int, Field(ge=1, le=1_000)] = 50


class Chart(Part):
    """A picture of a table's columns.

    Args:
        title: The heading.
        alternative: What it shows, in words, for whoever cannot see it.
        kind: How it is drawn.
        table: The table of this section that it is of.
        x: The column along the horizontal axis: times, dates or texts.
        y: The column of amounts.
        by: The column with the name of the line or colour that a row is of.
    """

    title: Title
    alternative: Annotated[str, Field(min_length=1)]
    kind: Literal["line", "bar", "stacked"] = "line"
    table: Name
    x: Name
    y: Name
    by: Name | None = None


class Section(Part):
    """A section of reports.

    Args:
        title: Its heading.
        intro: What it is about.
        order: Sections come in this order.
        figures: Name -> figure.
        tables: Name -> table; the names of files.
        charts: Pictures of the tables.
    """

    title: Title
    intro: str = ""
    order: int = 100
    figures: dict[Name, Figure] = Field(default_factory=dict)
    tables: dict[FileName, Table] = Field(default_factory=dict)
    charts: dict[FileName, Chart] = Field(default_factory=dict)

    _id: str = PrivateAttr("")
    _claims: tuple[Claim, ...] = PrivateAttr(())

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if not (self.figures or self.tables):
            refuse("figures or tables", "neither")
        return self

    @property
    def id(self) -> str:
        """What it is called: its file's name."""
        return self._id

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The names that no other section may have, with their places."""
        return self._claims


@lru_cache
def read_sections(pack: Pack) -> tuple[Section, ...]:
    """The sections of a pack, in their order.

    Raises:
        PackError: A file cannot be used; it has every problem with its line.
    """
    found = map(read_section, section_files(pack))
    return tuple(sorted(found, key=lambda section: (section.order, section.id)))


def sections_of(packs: Iterable[Pack]) -> tuple[Section, ...]:
    """The sections of packs that are used together, in their order.

    Raises:
        PackError: A file cannot be used, or two sections, tables or charts have one name.
    """
    found = [section for pack in packs for section in read_sections(pack)]
    if problems := list(repeated(claim for section in found for claim in section.claims)):
        raise PackError(problems)
    return tuple(sorted(found, key=lambda section: (section.order, section.id)))


def section_problems(packs: Iterable[Pack]) -> Iterator[Problem]:
    """What keeps the sections of packs from being used together."""
    claims: list[Claim] = []
    for path in (path for pack in packs for path in section_files(pack)):
        try:
            claims += read_section(path).claims
        except PackError as error:
            yield from error.problems
    yield from repeated(claims)


def section_files(pack: Pack) -> list[Path]:
    """The files of a pack's sections, sorted."""
    return sorted((pack.folder / FOLDER).glob(f"*{SUFFIX}"))


def read_section(path: Path) -> Section:
    """A section as its file describes it.

    Raises:
        PackError: The file cannot be used; has every problem with its line.
    """
    document = read_document(path, "section", PackError)
    section = checked(document, Section)
    for name, chart in section.charts.items():
        if chart.table not in section.tables:
            expected = f"a table of the section, {one_of(section.tables, chart.table)}"
            here = ("charts", name, "table")
            document.problem(here, "table of the chart", expected=expected, found=chart.table)
    for name in section.figures.keys() & section.tables.keys():
        expected = "a name that no figure of the section has, as evidence names both"
        document.problem(("tables", name), "table", expected=expected, found=name)
    if (refused := why_no_section(path.name.removesuffix(SUFFIX))) is not None:
        document.problem((), "name of the file", expected=refused[0], found=refused[1])
    document.raise_problems()
    section._id = path.name.removesuffix(SUFFIX)  # noqa: SLF001 - it is made here alone
    section._claims = tuple(_claims(document, section))  # noqa: SLF001 - as above
    return section


def _claims(document: Document, section: Section) -> Iterator[Claim]:
    def claim(kind: str, key: str, name: str, here: Location) -> Claim:
        return Claim(kind, key, name, document.path, document.line(here))

    yield claim("a section", "file", section.id, ())
    for name in section.tables:
        yield claim("a table of a section", "table", name, ("tables", name))
    for name in section.charts:
        yield claim("a chart of a section", "chart", name, ("charts", name))
