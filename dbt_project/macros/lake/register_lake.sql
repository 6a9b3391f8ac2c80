{#-
  Before the first model: make known to the engine, which starts empty, all that the selected nodes
  read and that this invocation does not build itself.

  - sources: a view on the Delta table, or a typed empty one while the table is not there yet;
  - models kept in the lake: likewise, from the columns their .yml declares;
  - view models (they read sources only): the view itself, and the sources that it reads;
  - selected models that merge: their own table as it is now.

  Nothing else: each registration reads a table's log.
-#}
{% macro register_lake() %}
    {%- if execute -%}
        {%- do adapter.dispatch("register_lake", "chimera")() -%}
    {%- endif -%}
{% endmacro %}


{% macro duckdb__register_lake() %}
    {%- for node in nodes_to_register() -%}
        {%- set relation = api.Relation.create(
            database=node.database,
            schema=node.schema,
            identifier=node.identifier if node.resource_type == "source" else node.alias,
            type="view",
        ) -%}
        {%- if node.resource_type == "model" and node.config.materialized == "view" -%}
            {%- set request = lineage_request(node, render(node.raw_code)) -%}
            {%- do adapter.store_relation("lake", relation, [], "", "view", request) -%}
        {%- else -%}
            {%- set path = node.schema ~ "/" ~ relation.identifier -%}
            {%- set request = {"columns": node.columns.values() | list} -%}
            {%- do adapter.store_relation("lake", relation, [], path, "scan", request) -%}
        {%- endif -%}
        {%- do adapter.cache_added(relation) -%}
    {%- endfor -%}
{% endmacro %}


{#- The nodes whose relations must be there, parents before children. -#}
{% macro nodes_to_register() %}
    {%- set wanted = [] -%}
    {%- for selected in selected_resources -%}
        {%- if selected.startswith("unit_test.") -%}
            {%- set model_id = "model." ~ selected.split(".")[1:3] | join(".") -%}
            {%- do wanted.append(model_id) if model_id not in selected_resources -%}
            {%- do wanted.extend(graph.nodes[model_id].depends_on.nodes) -%}
        {%- endif -%}
        {%- set node = graph.nodes.get(selected) -%}
        {%- if node -%}
            {%- do wanted.extend(node.depends_on.nodes) -%}
            {%- if node.config.materialized == "delta" and node.config.get("strategy") == "merge" -%}
                {%- do wanted.append(selected) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set found = {} -%}
    {#- Views read sources, at most through one other view: three rounds reach all. -#}
    {%- for _ in range(3) -%}
        {%- for unique_id in wanted | unique | list -%}
            {%- set node = graph.nodes.get(unique_id) or graph.sources.get(unique_id) -%}
            {%- set builds_itself = unique_id in selected_resources and node
                and node.resource_type == "model"
                and node.config.get("strategy") != "merge" -%}
            {%- if node and not builds_itself and node.resource_type in ("model", "source") -%}
                {%- do found.update({unique_id: node}) -%}
                {%- if node.resource_type == "model" and node.config.materialized == "view" -%}
                    {%- do wanted.extend(node.depends_on.nodes) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set sources = found.values() | selectattr("resource_type", "equalto", "source") | list -%}
    {%- set models = found.values() | selectattr("resource_type", "equalto", "model") | list -%}
    {%- set tables = models | selectattr("config.materialized", "equalto", "delta") | list -%}
    {%- set views = models | selectattr("config.materialized", "equalto", "view")
        | sort(attribute="depends_on.nodes.0", reverse=true) | list -%}
    {%- do return(sources + tables + views) -%}
{% endmacro %}
