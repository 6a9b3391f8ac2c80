{#- `relation` (a table or CTE) with one row for each distinct element of `array_column`, as `element`. -#}
{% macro exploded(relation, columns, array_column, element) -%}
    {{ adapter.dispatch("exploded", "chimera")(relation, columns, array_column, element) }}
{%- endmacro %}

{% macro duckdb__exploded(relation, columns, array_column, element) -%}
    select
        {{ columns | join(", ") }},
        unnest(list_distinct({{ array_column }})) as {{ element }}
    from {{ relation }}
{%- endmacro %}

{% macro spark__exploded(relation, columns, array_column, element) -%}
    select
        {{ columns | join(", ") }},
        explode(array_distinct({{ array_column }})) as {{ element }}
    from {{ relation }}
{%- endmacro %}


{#- Rows with the elements of two arrays of one length side by side. -#}
{% macro exploded_pair(relation, columns, first, first_element, second, second_element) -%}
    {{ adapter.dispatch("exploded_pair", "chimera")(
        relation, columns, first, first_element, second, second_element
    ) }}
{%- endmacro %}

{% macro duckdb__exploded_pair(relation, columns, first, first_element, second, second_element) -%}
    select
        {% for column in columns %}{{ column }}, {% endfor -%}
        unnest({{ first }}) as {{ first_element }},
        unnest({{ second }}) as {{ second_element }}
    from {{ relation }}
{%- endmacro %}

{% macro spark__exploded_pair(relation, columns, first, first_element, second, second_element) -%}
    select
        {% for column in columns %}{{ column }}, {% endfor -%}
        pair['{{ first }}'] as {{ first_element }},
        pair['{{ second }}'] as {{ second_element }}
    from {{ relation }}
    lateral view explode(arrays_zip({{ first }}, {{ second }})) pairs as pair
{%- endmacro %}


{#- An element of an array, counted from 1; null if the array is null. -#}
{% macro array_element(column, position) -%}
    {{ adapter.dispatch("array_element", "chimera")(column, position) }}
{%- endmacro %}

{% macro duckdb__array_element(column, position) -%}
    {{ column }}[{{ position }}]
{%- endmacro %}

{% macro spark__array_element(column, position) -%}
    element_at({{ column }}, {{ position }})
{%- endmacro %}


{#- An array without elements; `element_type` is integer, bigint or varchar. -#}
{% macro empty_array(element_type) -%}
    {{ adapter.dispatch("empty_array", "chimera")(element_type) }}
{%- endmacro %}

{% macro duckdb__empty_array(element_type) -%}
    cast([] as {{ element_type }}[])
{%- endmacro %}

{% macro spark__empty_array(element_type) -%}
    cast(array() as array<{{ "string" if element_type == "varchar" else element_type }}>)
{%- endmacro %}


{#- How many elements an array has. -#}
{% macro array_length(column) -%}
    {{ adapter.dispatch("array_length", "chimera")(column) }}
{%- endmacro %}

{% macro duckdb__array_length(column) -%}
    len({{ column }})
{%- endmacro %}

{% macro spark__array_length(column) -%}
    size({{ column }})
{%- endmacro %}
