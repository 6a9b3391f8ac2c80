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
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_write_tokens,
        reasoning_tokens,
        trace_id,
        parent_id,
        session_id,
        release,
        tags,
        api_key_id,
        created_at,
        hour_partition,
        hour,
        _batch_id,
        _ingested_at
    from staged
)

select * from final
