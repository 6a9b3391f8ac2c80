{#- Exact percentiles of the values that are not null, interpolated between neighbours. -#}
{% macro percentile(column, fraction) -%}
    {{ adapter.dispatch("percentile", "chimera")(column, fraction) }}
{%- endmacro %}

{% macro duckdb__percentile(column, fraction) -%}
    quantile_cont({{ column }}, {{ fraction }})
{%- endmacro %}

{% macro spark__percentile(column, fraction) -%}
    percentile({{ column }}, {{ fraction }})
{%- endmacro %}


{#- A sum of floating-point numbers whose result does not hang on the order of the rows. -#}
{% macro stable_sum(column) -%}
    {{ adapter.dispatch("stable_sum", "chimera")(column) }}
{%- endmacro %}

{% macro duckdb__stable_sum(column) -%}
    fsum({{ column }})
{%- endmacro %}

{% macro spark__stable_sum(column) -%}
    sum({{ column }})
{%- endmacro %}


{#- An average of floating-point numbers whose result does not hang on the order of the rows. -#}
{% macro stable_avg(column) -%}
    {{ adapter.dispatch("stable_avg", "chimera")(column) }}
{%- endmacro %}

{% macro duckdb__stable_avg(column) -%}
    favg({{ column }})
{%- endmacro %}

{% macro spark__stable_avg(column) -%}
    avg({{ column }})
{%- endmacro %}


{#- The number of rows for which `condition` is true. -#}
{% macro count_where(condition) -%}
    cast(coalesce(sum(case when {{ condition }} then 1 else 0 end), 0) as bigint)
{%- endmacro %}
