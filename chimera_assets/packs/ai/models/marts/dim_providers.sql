{{ config(strategy='merge', key_columns=['provider_id', 'valid_from'], keeps_history=true) }}

{%- set attributes = ["provider_name", "base_url", "models", "enabled"] %}

with providers as (
    select
        *,
        coalesce(updated_at, created_at, {{ moment("1970-01-01 00:00:00") }}) as changed_at
    from {{ ref('stg_providers') }}
),

current_versions as (
    select * from {{ this }}
    where is_current
),

-- new to us, or with an attribute that differs from the version we hold; a change that the source
-- dates no later than that version mends it in place, so no two versions begin together
changed as (
    select
        providers.*,
        current_versions.valid_from as held_from,
        greatest(providers.changed_at, coalesce(current_versions.valid_from, providers.changed_at)) as valid_from
    from providers
    left join current_versions on providers.provider_id = current_versions.provider_id
    where
        current_versions.provider_id is null
        {%- for attribute in attributes %}
        or providers.{{ attribute }} is distinct from current_versions.{{ attribute }}
        {%- endfor %}
),

opened as (
    select
        provider_id,
        valid_from,
        cast(null as {{ timestamp_type() }}) as valid_to,
        true as is_current,
        {%- for attribute in attributes %}
        {{ attribute }},
        {%- endfor %}
        created_at
    from changed
),

closed as (
    select
        current_versions.provider_id,
        current_versions.valid_from,
        changed.valid_from as valid_to,
        false as is_current,
        {%- for attribute in attributes %}
        current_versions.{{ attribute }},
        {%- endfor %}
        current_versions.created_at
    from current_versions
    inner join changed on current_versions.provider_id = changed.provider_id
    where changed.valid_from > current_versions.valid_from
),

final as (
    select * from opened
    union all
    select * from closed
)

select * from final
