with source as (
    select * from {{ source('staged', 'providers') }}
),

final as (
    select
        -- id
        provider_id,
        -- what it is
        provider_name,
        base_url,
        models,
        enabled,
        -- times
        created_at,
        updated_at
    from source
)

select * from final
