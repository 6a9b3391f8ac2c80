"""Keys that cannot be read or written are told by where they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chimera_assets.audit.key_files import KeyFileError
from chimera_assets.audit.signing_keys import SigningKeys, load_keys, new_keys, store_keys
from chimera_assets.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_variable_with_something_else_is_told_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_A_VAULT", "PRIVATE+KEY+secret")
    with pytest.raises(KeyFileError) as told:
        load_keys(Settings(signing_key="env:FROM_A_VAULT"))
    assert str(told.value).startswith("CHIMERA_SIGNING_KEY: FROM_A_VAULT: signing key: expected ")
    assert "secret" not in str(told.value)


def test_keys_of_a_variable_are_not_changed_here() -> None:
    with pytest.raises(KeyFileError, match="FROM_A_VAULT: expected a file to change, found a var"):
        store_keys(Settings(signing_key="env:FROM_A_VAULT"), SigningKeys(new_keys()))


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    there = tmp_path / "file" / "key"
    with pytest.raises(KeyFileError, match=r"CHIMERA_SIGNING_KEY: .* cannot be written: "):
        store_keys(Settings(signing_key=str(there)), SigningKeys(new_keys()))


def test_what_can_be_no_file_is_told() -> None:
    with pytest.raises(KeyFileError, match="expected a file; name another one"):
        load_keys(Settings(signing_key="~nobody-of-this-name/key"))
