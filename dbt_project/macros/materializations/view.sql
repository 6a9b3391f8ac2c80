{#-
  A view in the engine's memory, which is empty when dbt begins: nothing is there that would have to
  be renamed or dropped, as the adapter's own way of making views does, which takes twice as long.
-#}
{% materialization view, adapter="duckdb", supported_languages=["sql"] %}
    {%- set target_relation = this.incorporate(type="view") -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement("main") -%}
        create or replace view {{ target_relation }} as (
            {{ compiled_code }}
        )
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}
