with source as (
    select * from {{ source('staged', 'invoices') }}
),

final as (
    select
        -- ids
        provider,
        invoice_id,
        line,
        -- what is to be paid
        amount,
        currency,
        description,
        -- times
        billing_month,
        created_at,
        -- partition and lineage
        hour_partition,
        hour,
        _batch_id,
        _ingested_at
    from source
)

select * from final
