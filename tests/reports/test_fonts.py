"""Every text can be printed: what our fonts draw as it is, all else by its number."""

from __future__ import annotations

import random
import re
import unicodedata
from typing import TYPE_CHECKING

import pytest

from chimera_assets.reports.document import Paragraph
from chimera_assets.reports.rendering.fonts import drawable, visible
from chimera_assets.reports.rendering.pdf import pdf_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.reports.document import Document

NAMES = (
    "Zoë Ångström", "Ελληνικά", "Кириллица", "شركة المستقبل", "می‌خواهم", "שלום עולם",
    "हिन्दी संगठन", "தமிழ்", "บริษัท ตัวอย่าง", "አማርኛ", "张伟科技有限公司", "株式会社テスト",
    "한국어 회사", "🚀 Rocket 👨\u200d👩\u200d👧 👍🏽 1\ufe0f\u20e3", "½ → ≤ €",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_any_script_is_printed_as_it_is(name: str) -> None:
    assert drawable(name) == name
    assert visible(name) == name


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("ab\u202ecd", "ab[U+202E]cd"),
        ("\x1b[2J\x00\n", "[U+001B][2J[U+0000][U+000A]"),
        ("zero\u200bwidth\ufeff", "zero[U+200B]width[U+FEFF]"),
        ("\U000e0041", "[U+E0041]"),
    ],
)
def test_what_acts_instead_of_being_seen_is_escaped_everywhere(text: str, printed: str) -> None:
    assert drawable(text) == printed
    assert visible(text) == printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("\ue000", "[U+E000]"),  # private use
        ("\u0378", "[U+0378]"),  # nobody's
        ("\U00012000 and a", "[U+12000] and a"),  # cuneiform: no font
        ("न\u0301\u0302", "न[U+0301][U+0302]"),  # marks that no font has together with the letter
    ],
)
def test_what_no_font_draws_is_printed_by_its_number(text: str, printed: str) -> None:
    assert drawable(text) == printed


def test_no_text_whatever_stops_a_pdf(with_blocks: Callable[..., Document]) -> None:
    rolled = random.Random(11)  # noqa: S311 - the same texts each time
    codes = [code for code in range(0x20000) if not 0xD800 <= code < 0xE000]
    codes = [code for code in codes if not 0x3400 <= code < 0xD7A4]  # Chinese, Korean: too many
    marks = [code for code in codes if unicodedata.category(chr(code)).startswith("M")]
    texts = [
        "".join(chr(rolled.choice(rolled.choice((codes, marks)))) for _ in range(9))
        for _ in range(700)
    ]
    made = with_blocks(*map(Paragraph, texts))

    assert pdf_bytes(made, b"{}").startswith(b"%PDF-")
    shown = "".join(map(drawable, texts))
    assert re.findall(r"\[U\+0001\]", shown) == ["[U+0001]"] * sum(
        map("".join(texts).count, "\x01")
    )
