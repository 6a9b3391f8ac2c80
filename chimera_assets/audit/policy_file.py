"""The file that says which witnesses have to sign, as an operator or an auditor names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.audit.third_parties import NotVouched
from chimera_assets.audit.tlog.errors import TransparencyError
from chimera_assets.audit.tlog.policy import Policy
from chimera_assets.paths import regular_bytes

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 1_000_000


class PolicyError(NotVouched):
    """The file that says which witnesses have to sign cannot be used.

    Args:
        where: The setting or option, and the file.
        problem: What was expected and found.
    """

    transient = False

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")


def read_policy(path: Path, option: str) -> Policy:
    """Read a policy file.

    Args:
        path: The file.
        option: The setting or option that names it.

    Raises:
        PolicyError: It cannot be read, or is in another form; says which line.
    """
    where = f"{option}: {path}"
    try:
        return Policy.parse(regular_bytes(path, _MOST_BYTES))
    except OSError as error:
        raise PolicyError(where, f"expected a policy file, found {error.strerror}") from None
    except TransparencyError as error:
        raise PolicyError(where, str(error)) from None
