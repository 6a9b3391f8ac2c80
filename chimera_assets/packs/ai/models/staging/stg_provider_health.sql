with source as (
    select * from {{ source('staged', 'provider_health') }}
),

final as (
    select
        -- ids
        check_id,
        provider_id,
        -- what was found
        status,
        latency_ms,
        error_rate,
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
