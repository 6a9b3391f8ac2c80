with source as (
    select * from {{ source('staged', 'price_list') }}
),

final as (
    select
        -- what it is the price of
        provider,
        model,
        -- from when until when
        valid_from,
        valid_to,
        -- prices, of a million tokens
        currency,
        input_price,
        output_price,
        coalesce(cache_read_price, input_price) as cache_read_price,
        coalesce(cache_write_price, input_price) as cache_write_price,
        coalesce(reasoning_price, output_price) as reasoning_price
    from source
)

select * from final
