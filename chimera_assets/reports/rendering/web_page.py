"""`report.html`: one file that asks for nothing, runs nothing, and reads well on paper, too."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chimera_assets.reports.rendering.charts import DARK, LIGHT, style
from chimera_assets.reports.rendering.fonts import visible
from chimera_assets.reports.rendering.packages import load
from chimera_assets.reports.rendering.view import View

if TYPE_CHECKING:
    from chimera_assets.reports.document import Document

_FOLDER = Path(__file__).parent


def html_bytes(document: Document) -> bytes:
    """The document as a page with its styles and pictures in it.

    Raises:
        MissingPackageError: Jinja2 is not installed.
    """
    page: str = _template().render(report=View(document, visible).parts(), style=_style())
    return page.encode()


@cache
def _template() -> Any:  # noqa: ANN401 - Jinja2's
    jinja = load("jinja2")
    environment = jinja.Environment(
        loader=jinja.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["drawn"] = load("markupsafe").Markup
    return environment.get_template("report.html.j2")


@cache
def _style() -> str:
    """The style sheet, with the colours of charts on light and on dark ground."""
    sheet = (_FOLDER / "report.css").read_text(encoding="utf-8")
    dark = _colours(DARK)
    return f"{sheet}{_colours(LIGHT)}@media screen and (prefers-color-scheme:dark){{{dark}}}\n"


def _colours(colours: tuple[str, ...]) -> str:
    bars = "".join(f".b{at}{{background:{one}}}" for at, one in enumerate(colours))
    return style(colours, "var(--faint)", "var(--line)") + bars
