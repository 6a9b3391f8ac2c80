{{ config(strategy='hours') }}

{%- set grain = "hour_partition, hour, tenant_id, kind" %}

with events as (
    select * from {{ ref('fact_mypack_events') }}
    where {{ in_run_hours() }}
),

final as (
    select
        {{ grain }},
        count(*) as total_events,
        {{ stable_sum("amount") }} as total_amount
    from events
    group by {{ grain }}
)

select * from final
