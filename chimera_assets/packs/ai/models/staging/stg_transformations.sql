with source as (
    select * from {{ source('staged', 'generations') }}
),

exploded as (
    {{ exploded(
        "source",
        ["event_id", "tenant_id", "provider", "model", "success", "timestamp", "hour_partition", "hour"],
        "techniques_applied",
        "technique"
    ) }}
),

final as (
    select
        -- ids
        event_id,
        technique,
        tenant_id,

        -- what was asked of whom
        provider,
        model,
        success,

        -- times
        timestamp,

        -- partition
        hour_partition,
        hour
    from exploded
    where technique is not null
)

select * from final
