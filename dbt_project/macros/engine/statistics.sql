{#-
  Exact percentiles of the values that are not null, interpolated between neighbours: an array in
  the order of `fractions`, null when there is no value.
-#}
{% macro percentiles(column, fractions) -%}
    {{ adapter.dispatch("percentiles", "chimera")(column, fractions) }}
{%- endmacro %}

{% macro duckdb__percentiles(column, fractions) -%}
    quantile_cont({{ column }}, {{ fractions }})
{%- endmacro %}

{% macro spark__percentiles(column, fractions) -%}
    percentile({{ column }}, array({{ fractions | join(", ") }}))
{%- endmacro %}


{#- The distinct values of an integer `column` in a group as an array, ascending; nulls left out. -#}
{% macro distinct_values(column) -%}
    {{ adapter.dispatch("distinct_values", "chimera")(column) }}
{%- endmacro %}

{% macro duckdb__distinct_values(column) -%}
    map_keys(histogram({{ column }}))
{%- endmacro %}

{% macro spark__distinct_values(column) -%}
    array_sort(collect_set({{ column }}))
{%- endmacro %}


{#- How often each of the `distinct_values` occurs in a group, as an array in the same order. -#}
{% macro distinct_counts(column) -%}
    {{ adapter.dispatch("distinct_counts", "chimera")(column) }}
{%- endmacro %}

{% macro duckdb__distinct_counts(column) -%}
    cast(map_values(histogram({{ column }})) as bigint[])
{%- endmacro %}

{% macro spark__distinct_counts(column) -%}
    transform(
        array_sort(collect_set({{ column }})),
        k -> cast(size(filter(collect_list({{ column }}), v -> v = k)) as bigint)
    )
{%- endmacro %}


{#-
  A sum whose result does not hang on the order of the rows, of the type that `sum` has: of exact
  numbers (decimal, whole ones) it is exact, of floating-point numbers a double. One beyond its type,
  of numbers that are not, is an error: its hour is held back.
-#}
{% macro stable_sum(column) -%}
    {{ adapter.dispatch("stable_sum", "chimera")(column) }}
{%- endmacro %}

{#-
  What is of no use for the type falls away in the plan. DuckDB lets a sum of decimals run over
  where it adds parts up, so their sum as a double has to fit the type, too.
-#}
{% macro duckdb__stable_sum(column) -%}
    case
        when typeof(sum({{ column }})) <> 'DOUBLE'
            and cast_to_type(fsum({{ column }}), sum({{ column }})) is not null
            then sum({{ column }})
        when isfinite(fsum({{ column }})) or not bool_and(isfinite({{ column }}))
            then cast_to_type(fsum({{ column }}), sum({{ column }}))
        when count({{ column }}) > 0
            then cast_to_type(error('a sum is beyond double precision'), sum({{ column }}))
    end
{%- endmacro %}

{% macro spark__stable_sum(column) -%}
    sum({{ column }})
{%- endmacro %}


{#-
  An average of floating-point numbers whose result does not hang on the order of the rows. Where
  their sum is beyond double precision, they are added up in a smaller unit: a power of two, which
  takes no digit away.
-#}
{% macro stable_avg(column) -%}
    {{ adapter.dispatch("stable_avg", "chimera")(column) }}
{%- endmacro %}

{% macro duckdb__stable_avg(column) -%}
    case
        when isfinite(favg({{ column }})) then favg({{ column }})
        else favg({{ column }} * pow(2.0, -64)) * pow(2.0, 64)
    end
{%- endmacro %}

{% macro spark__stable_avg(column) -%}
    avg({{ column }})
{%- endmacro %}


{#- The number of rows for which `condition` is true. -#}
{% macro count_where(condition) -%}
    cast(coalesce(sum(case when {{ condition }} then 1 else 0 end), 0) as bigint)
{%- endmacro %}
