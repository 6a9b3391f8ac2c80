{{ config(strategy='hours') }}

with staged as (
    select * from {{ ref('stg_provider_health') }}
    where {{ in_run_hours() }}
),

final as (
    select
        check_id,
        timestamp,
        provider_id,
        status,
        latency_ms,
        error_rate,
        created_at,
        hour_partition,
        hour,
        _batch_id,
        _ingested_at
    from staged
)

select * from final
