with source as (
    select * from {{ source('staged', 'feedback') }}
),

final as (
    select
        -- ids
        feedback_id,
        tenant_id,
        user_id,
        -- what it is about
        event_id,
        trace_id,
        -- what was said, and by whom
        score,
        label,
        source,
        comment,
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
