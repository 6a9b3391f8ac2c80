"""Which columns may hold personal data, by their names and by what is in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimera_assets.contracts.drafting.draft import DraftColumn

#: Words of names, by what they suggest.
_RESTRICTED = frozenset(
    ("card", "cvv", "diagnosis", "health", "iban", "password", "pin", "secret", "ssn", "token")
)
_PERSONAL = frozenset(
    ("address", "age", "birth", "birthday", "city", "contact", "customer", "device", "dob",
     "email", "employee", "ethnicity", "fax", "firstname", "fullname", "gender", "ip", "lastname",
     "latitude", "longitude", "mail", "mobile", "nationality", "owner", "passport", "patient",
     "person", "phone", "postcode", "religion", "street", "surname", "tel", "user", "username",
     "zip")
)  # fmt: skip
_FREE_TEXT = frozenset(
    ("body", "comment", "content", "description", "feedback", "message", "messages", "note",
     "notes", "payload", "prompt", "question", "answer", "response", "text", "transcript")
)  # fmt: skip

#: Names that would be taken for one of these and count something instead.
_COUNTED = re.compile(r"(length|count|total|tokens?|size|ms|seconds|used)$")

_VALUES = {
    "e-mail addresses": re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}"),
    "IP addresses": re.compile(
        r"(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[0-9a-fA-F]{0,4}:){4,7}[0-9a-fA-F]{0,4})(?:/[0-9]+)?"
    ),
    "phone numbers": re.compile(r"\+\d[\d ()/-]{7,18}"),
    "account numbers (IBAN)": re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}"),
}

#: So many of the values are looked at, and so large a share of them has to be alike.
_LOOKED_AT, _SHARE = 1000, 0.05

PERSONAL, RESTRICTED, INTERNAL = "L3", "L4", "L1"


def judged(column: DraftColumn) -> tuple[str, str | None]:
    """The classification, and why it should be looked at; None for a column like any other."""
    words = set(column.name.split("_"))
    if column.type in {"string", "array<string>"} and (found := _alike(column)):
        return PERSONAL, f"its values look like {found}"
    if _COUNTED.search(column.name) and column.type != "string":
        return INTERNAL, None
    if words & _RESTRICTED and column.type == "string":
        return RESTRICTED, "its name suggests a secret or specially protected data"
    if words & _PERSONAL:
        return PERSONAL, "its name suggests personal data"
    if words & _FREE_TEXT and column.type == "string":
        return PERSONAL, "free text may hold anything"
    return INTERNAL, None


def _alike(column: DraftColumn) -> str | None:
    values = column.values.drop_nulls().head(_LOOKED_AT)
    if column.type == "array<string>":
        values = values.explode().drop_nulls().head(_LOOKED_AT)
    texts = values.to_list()
    for what, pattern in _VALUES.items():
        alike = sum(pattern.fullmatch(text.strip()) is not None for text in texts)
        if texts and alike / len(texts) >= _SHARE:
            return what
    return None
