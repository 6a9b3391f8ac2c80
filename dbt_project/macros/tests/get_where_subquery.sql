{#-
  What a data test reads: of a model by hour only the run's hours, so that a test costs the same in
  a table with one day or with three years of history. A `where` of the test's own is added.
-#}
{% macro default__get_where_subquery(relation) -%}
    {%- set conditions = [] -%}
    {%- if config.get("where") -%}
        {%- do conditions.append("(" ~ config.get("where") ~ ")") -%}
    {%- endif -%}
    {%- if execute and run_hours() is not none and is_hourly(relation) -%}
        {%- do conditions.append(in_run_hours()) -%}
    {%- endif -%}
    {%- if conditions -%}
        {%- do return(
            "(select * from " ~ relation ~ " where " ~ conditions | join(" and ") ~ ") dbt_subquery"
        ) -%}
    {%- endif -%}
    {%- do return(relation) -%}
{%- endmacro %}


{#- Whether a model's or source's .yml declares the partition column of hours. -#}
{% macro is_hourly(relation) %}
    {%- for node in graph.nodes.values() | list + graph.sources.values() | list
        if node.resource_type in ("model", "source")
        and node.schema == relation.schema and node.name == relation.identifier -%}
        {%- do return("hour_partition" in node.columns) -%}
    {%- endfor -%}
    {%- do return(false) -%}
{% endmacro %}
