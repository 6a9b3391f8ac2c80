{{ config(strategy='hours') }}

{%- set grain = "hour_partition, hour, tenant_id, provider, model, api_key_id" %}

with generations as (
    select
        hour_partition,
        hour,
        tenant_id,
        provider,
        model,
        coalesce(api_key_id, '') as api_key_id,
        computed_cost_usd,
        {{ exact_decimal("cost_usd") }} as delivered_cost_usd
    from {{ ref('fact_generations') }}
    where {{ in_run_hours() }}
),

compared as (
    select
        *,
        case when computed_cost_usd is not null then delivered_cost_usd end as compared_cost_usd,
        computed_cost_usd - delivered_cost_usd as difference_usd
    from generations
),

final as (
    select
        {{ grain }},
        count(*) as requests,
        {{ count_where("computed_cost_usd is null") }} as requests_without_price,
        {{ stable_sum("delivered_cost_usd") }} as delivered_cost_usd,
        {{ stable_sum("computed_cost_usd") }} as computed_cost_usd,
        {{ stable_sum("compared_cost_usd") }} as compared_cost_usd,
        {{ stable_sum("difference_usd") }} as difference_usd
    from compared
    group by {{ grain }}
)

select * from final
