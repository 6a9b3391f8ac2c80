"""A model's Jinja is refused for what stands in any of its branches, whichever a check takes."""

from __future__ import annotations

import tracemalloc

import pytest

from chimera_assets.packs.errors import ModelError
from chimera_assets.warehouse.model_text import model_text

ENV = "{{ env_var('X') }}"
IN_THREE = "{% for a in [1] %}" * 3 + "{% endfor %}" * 3


def rendered(text: str, *, of_hours: bool = False) -> str:
    return model_text(text, lambda name: name, lambda _, name: name, "this", of_hours=of_hours)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{% if execute %}{{ run_query('copy') }}{% endif %}", "'execute' is undefined"),
        (f"{{% if target is defined %}}{ENV}{{% endif %}}", "'target' is undefined"),
        (f"{{% if false %}}{ENV}{{% endif %}}", "'env_var' is undefined"),
        ("{% if false %}{% set env_var = 1 %}{% endif %}" + ENV, "'env_var' is undefined"),
        (ENV + "{% set env_var = 1 %}", "'env_var' is undefined"),
        ("{% for env_var in [] %}{% endfor %}" + ENV, "'env_var' is undefined"),
        ("{% set ref = 1 %}", "found ref"),
        ("{% macro m() %}{% endmacro %}", "found macro"),
        ("{% include 'x' %}", "found include"),
        ("{% set f = config %}{{ f(pre_hook='x') }}", "found config"),
        ("{% if false %}{{ config({'pre_hook': 'x'}) }}{% endif %}", "found a mapping"),
        ("{% if false %}{{ config(pre_hook='x') }}{% endif %}", "found pre_hook"),
        ("{{ config(**{'pre_hook': 'x'}) }}", "found * or **"),
        ("{% if run_hours().start.hour == 7 %}x{% endif %}", "the same in every run"),
        ("{% if run_hours() is none and var('x') is none %}x{% endif %}", "the same in every run"),
        ("{% if var('x', none) %}x{% endif %}", "the same in every run"),
        ("{% if var('x', none) is none %}x{% endif %}", "the same in every run"),
        ("{% set x = var('x') %}{{ 'a' if x is none else 'b' }}", "the same in every run"),
        ("{% set x = var('x') %}{% set y %}{{ x }}{% endset %}", "found assignblock"),
        ("{% for x in var('x', []) %}x{% endfor %}", "the same in every run"),
        ("{{ ['a', 'b'][run_hours().start.hour] }}", "an item by its number"),
        ("{{ 'x' | default(var('x')) }}", "the same in every run"),
        ("{{ in_run_hours().replace('2026-03-05', 'x') }}", "the same in every run"),
        ("{{ run_hours().start.isoformat() | replace('2026-03-05', 'x') }}", "the same in every"),
        ("{{ ref(var('x')) }}", "the same in every run"),
        ("{{ ref('x').__class__ }}", "found __class__"),
        ("{{ 'x'['__class__'] }}", "an item by its number"),
        ("{{ 'a' | attr('__class__') }}", "found attr"),
        ("{{ [1] | list | join(',', attribute='__class__') }}", "without attribute"),
        ("{{ [1] | join(',', '__class__') }}", "of one argument"),
        ("{% for i in range(99999) %}{% endfor %}", "range of whole numbers"),
        ("{% set l = [1] %}{% for i in l %}{{ l.append(i) }}{% endfor %}", "found append"),
        ("{{ 'x' * 9999999999 }}", "found mul"),
        (IN_THREE, "loops at most 2 deep"),
        ("{{ '1'" + " | replace('1', '11111111')" * 9 + " }}", "ten million characters"),
        ("{{ '1'" + ".replace('1', '11111111')" * 9 + " }}", "ten million characters"),
        ("{% set a = 'a' %}" + "{% set a = a ~ a %}" * 40, "ten million characters"),
        ("{% set a = ['a'] %}" + "{% set a = a + a %}" * 40, "ten million characters"),
        (
            "{% set a = 'aaaaaaaa' | list %}" + "{% set a = a | join(a | join) | list %}" * 9,
            "ten mil",
        ),
    ],
)
def test_what_a_branch_may_not_say(text: str, found: str) -> None:
    with pytest.raises(ModelError) as refused:
        rendered("select\n" + text)
    assert refused.value.line == 2
    assert found in str(refused.value)


@pytest.mark.parametrize(
    "bomb", ["'a' | center(100000000)", "'ab' | replace('ab', 'ab' | center(100000000))"]
)
def test_nothing_is_worked_out_before_it_is_looked_at(bomb: str) -> None:
    tracemalloc.start()
    with pytest.raises(ModelError, match="of filters"):
        rendered("{{ " + bomb + " }}")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 50_000_000


def test_loops_that_write_without_end_are_refused() -> None:
    with pytest.raises(ModelError, match="ten million characters"):
        rendered("{% for i in range(999) %}" * 2 + "x" * 99 + "{% endfor %}" * 2)


def test_what_models_need_is_let_through() -> None:
    text = (
        "{{ config(strategy='hours', tags=['a']) }}{% set hours = run_hours() %}"
        "{% set names = ['a', 'b'] %}"
        "{% for n in names %}{{ n }}{{ ',' if not loop.last }}{% endfor %}"
        "{% if hours is none %}all{% else %} from {{ moment(hours.start) }}{% endif %}"
        " {{ names | join(', ') }} {{ this }} {{ var('x', 'y') }} {{ hours.last.date() }}"
    )
    assert "from cast('2026-01-31 05:00:00+00:00'" in rendered(text, of_hours=True)
    assert rendered(text.rpartition("{{ hours")[0]).startswith("a,ball a, b this y")
