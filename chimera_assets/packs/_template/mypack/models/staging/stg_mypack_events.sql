-- a view on the staged rows: the place to rename and to cast
with source as (
    select * from {{ source('staged', 'mypack_events') }}
),

final as (
    select
        event_id,
        happened_at,
        tenant_id,
        person,
        kind,
        amount,
        stored_at,
        hour_partition,
        hour,
        _batch_id,
        _ingested_at
    from source
)

select * from final
