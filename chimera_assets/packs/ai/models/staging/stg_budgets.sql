with source as (
    select * from {{ source('staged', 'budgets') }}
),

final as (
    select
        -- id
        budget_id,
        -- what it is for
        scope,
        value,
        -- how much, and when
        amount,
        valid_from,
        valid_to
    from source
)

select * from final
