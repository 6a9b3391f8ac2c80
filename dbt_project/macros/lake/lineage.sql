{#-
  What is told of a model, so that what its columns are made of can be read off its SQL: the
  checksum of its file, its compiled SQL, and the columns that `*` may stand for in it.
-#}
{% macro lineage_request(node, sql) %}
    {%- set columns = [] -%}
    {%- for unique_id in node.depends_on.nodes -%}
        {%- set read = graph.nodes.get(unique_id) or graph.sources.get(unique_id) -%}
        {%- do columns.extend(read.columns) if read -%}
    {%- endfor -%}
    {%- do return({"file": node.checksum.checksum, "sql": sql, "columns": columns}) -%}
{% endmacro %}


{#- Of a view model that is being built: a hook, as the engine's own materialization makes it. -#}
{% macro note_lineage() %}
    {%- if execute -%}
        {%- do adapter.store_relation(
            "lake", this, [], "", "lineage", lineage_request(model, compiled_code)
        ) -%}
    {%- endif -%}
{% endmacro %}
