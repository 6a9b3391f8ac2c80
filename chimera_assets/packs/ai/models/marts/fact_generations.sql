{{ config(strategy='hours') }}

with staged as (
    select * from {{ ref('stg_generations') }}
    where {{ in_run_hours() }}
),

final as (
    select
        event_id,
        timestamp,
        tenant_id,
        user_id,
        provider,
        model,
        prompt_length,
        response_length,
        latency_ms,
        success,
        error_code,
        techniques_applied,
        tokens_used,
        cost_usd,
        created_at,
        hour_partition,
        hour,
        _batch_id,
        _ingested_at
    from staged
)

select * from final
