with source as (
    select * from {{ source('staged', 'generations') }}
),

final as (
    select
        -- ids
        event_id,
        tenant_id,
        user_id,
        api_key_id,
        trace_id,
        parent_id,
        session_id,
        -- what was asked of whom
        provider,
        model,
        techniques_applied,
        success,
        error_code,
        release,
        tags,
        -- numbers
        prompt_length,
        response_length,
        latency_ms,
        tokens_used,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_write_tokens,
        reasoning_tokens,
        cost_usd,
        -- times
        timestamp,
        created_at,
        -- partition and lineage
        hour_partition,
        hour,
        _batch_id,
        _ingested_at
    from source
)

select * from final
