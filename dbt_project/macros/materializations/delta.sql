{#-
  A model kept as one Delta table of the lake, `<lake>/<schema>/<alias>`; each run is one commit.

  Config `strategy`:
  - `full`:  the whole table is replaced;
  - `hours`: only the run's hours are replaced (vars start_hour, end_hour); without them the whole
             table is, still in one commit. The model has the columns hour_partition and hour;
  - `merge`: rows are updated or added by `key_columns`; the model may read itself as `this`. With
             --full-refresh the table is replaced, unless `keeps_history` says that it must not.
-#}
{% materialization delta, adapter="duckdb", supported_languages=["sql"] %}
    {%- set strategy = config.get("strategy", "full") -%}
    {%- set key_columns = config.get("key_columns", []) -%}
    {%- if strategy not in ("full", "hours", "merge") -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ ": strategy: expected full, hours or merge, found " ~ strategy
        ) -%}
    {%- endif -%}
    {%- if strategy == "merge" and not key_columns -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ ": strategy merge: expected key_columns, found none"
        ) -%}
    {%- endif -%}
    {%- set hours = run_hours() -%}
    {%- set replaces_all = strategy == "full"
        or (strategy == "hours" and hours is none)
        or (strategy == "merge" and flags.FULL_REFRESH and not config.get("keeps_history", false)) -%}
    {%- set target_relation = this.incorporate(type="view") -%}
    {%- set staged_relation = make_intermediate_relation(target_relation) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {#- The rows stay a query until the plugin streams them; here it is checked and named. -#}
    {% call statement("main") -%}
        create or replace view {{ staged_relation }} as (
            {{ compiled_code }}
        )
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {#- The plugin reads through a connection of its own, which sees only what is committed. -#}
    {% do adapter.commit() %}

    {%- set request = lineage_request(model, compiled_code) -%}
    {%- do request.update({
        "target": target_relation.render(),
        "strategy": "full" if replaces_all else strategy,
        "partitioned": strategy == "hours",
        "key_columns": key_columns,
        "start": hours.start.isoformat() if hours else none,
        "end": hours.end.isoformat() if hours else none,
        "invocation_id": invocation_id,
        "selected": selected_resources,
    }) -%}
    {%- set path = this.schema ~ "/" ~ this.identifier -%}
    {% do adapter.store_relation("lake", staged_relation, [], path, "delta", request) %}

    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}
