{{ config(strategy='hours') }}

with staged as (
    select
        *,
        coalesce(cache_read_tokens, 0) as read_tokens,
        coalesce(cache_write_tokens, 0) as written_tokens,
        coalesce(reasoning_tokens, 0) as hidden_tokens
    from {{ ref('stg_generations') }}
    where {{ in_run_hours() }}
),

prices as (
    select * from {{ ref('stg_price_list') }}
),

-- each token once, at the price of the event's day: decimals alone, so that nothing is rounded
priced as (
    select
        staged.*,
        cast(
            (
                cast(staged.input_tokens - staged.read_tokens - staged.written_tokens as decimal(19, 0))
                * prices.input_price
                + cast(staged.read_tokens as decimal(19, 0)) * prices.cache_read_price
                + cast(staged.written_tokens as decimal(19, 0)) * prices.cache_write_price
                + cast(staged.output_tokens - staged.hidden_tokens as decimal(19, 0)) * prices.output_price
                + cast(staged.hidden_tokens as decimal(19, 0)) * prices.reasoning_price
            ) * cast(0.000001 as decimal(7, 6)) as decimal(38, 15)
        ) as computed_cost_usd
    from staged
    left join prices
        on
            staged.provider = prices.provider
            and staged.model = prices.model
            and {{ utc_date("staged.timestamp") }} >= prices.valid_from
            and {{ utc_date("staged.timestamp") }} < coalesce(prices.valid_to, date '9999-12-31')
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
        computed_cost_usd,
        created_at,
        hour_partition,
        hour,
        _batch_id,
        _ingested_at
    from priced
)

select * from final
