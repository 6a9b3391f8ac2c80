"""Whoever has not installed what reports need is told how."""

from __future__ import annotations

import sys

import pytest

from chimera_assets.reports.rendering.packages import MissingPackageError, load


@pytest.mark.parametrize("module", ["typst", "xlsxwriter", "jinja2", "manimgx_fonts_cjk"])
def test_a_missing_package_is_named_with_the_remedy(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(module)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingPackageError) as missing:
        load(module)

    assert module in str(missing.value)
    assert 'pip install "chimera-assets[reports]"' in str(missing.value)
