{{ config(strategy='hours') }}

{#- The names are those of FOCUS 1.2, the FinOps Open Cost and Usage Specification. -#}
-- noqa: disable=CP02

{%- set grain = "hour_partition, hour, tenant_id, provider, model, api_key_id" %}
{%- set kinds = {
    "input": ["Input tokens", "input_tokens - read_tokens - written_tokens", "input_price"],
    "cache_read": ["Input tokens read from the cache", "read_tokens", "cache_read_price"],
    "cache_write": ["Input tokens written to the cache", "written_tokens", "cache_write_price"],
    "output": ["Output tokens", "output_tokens - hidden_tokens", "output_price"],
    "reasoning": ["Output tokens of reasoning", "hidden_tokens", "reasoning_price"],
} %}

with generations as (
    select
        *,
        coalesce(cache_read_tokens, 0) as read_tokens,
        coalesce(cache_write_tokens, 0) as written_tokens,
        coalesce(reasoning_tokens, 0) as hidden_tokens
    from {{ ref('fact_generations') }}
    where {{ in_run_hours() }}
),

tokens as (
    select
        {{ grain }},
        {{ utc_date("timestamp") }} as priced_day,
        {%- for name, kind in kinds.items() %}
        cast(sum({{ kind[1] }}) as bigint) as {{ name }}_tokens{{ "," if not loop.last }}
        {%- endfor %}
    from generations
    where computed_cost_usd is not null
    group by {{ grain }}, {{ utc_date("timestamp") }}
),

prices as (
    select * from {{ ref('stg_price_list') }}
),

computed as (
    {%- for name, kind in kinds.items() %}
    select
        tokens.hour_partition,
        tokens.hour,
        tokens.tenant_id,
        tokens.provider,
        tokens.model,
        tokens.api_key_id,
        '{{ name }}' as token_type,
        'computed' as cost_source,
        '{{ kind[0] }}' as what,
        '1000000 Tokens' as unit,
        cast(tokens.{{ name }}_tokens as decimal(19, 0)) * cast(0.000001 as decimal(7, 6)) as quantity,
        cast(
            cast(tokens.{{ name }}_tokens as decimal(19, 0)) * prices.{{ kind[2] }}
            * cast(0.000001 as decimal(7, 6)) as decimal(38, 15)
        ) as cost
    from tokens
    inner join prices
        on
            tokens.provider = prices.provider
            and tokens.model = prices.model
            and tokens.priced_day >= prices.valid_from
            and tokens.priced_day < coalesce(prices.valid_to, date '9999-12-31')
    where tokens.{{ name }}_tokens > 0
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

-- what cannot be computed costs what the source says
delivered as (
    select
        {{ grain }},
        cast(null as varchar) as token_type,
        'delivered' as cost_source,
        'Requests' as what,
        'Requests' as unit,
        cast(count(*) as decimal(26, 6)) as quantity,
        {{ stable_sum(exact_decimal("cost_usd")) }} as cost
    from generations
    where computed_cost_usd is null and cost_usd is not null
    group by {{ grain }}
),

charges as (
    select * from computed
    union all
    select * from delivered
),

summed as (
    select
        {{ grain }},
        token_type,
        cost_source,
        what,
        unit,
        sum(quantity) as quantity,
        {{ stable_sum("cost") }} as cost,
        {{ hour_start("hour_partition", "hour") }} as begins
    from charges
    group by {{ grain }}, token_type, cost_source, what, unit
),

final as (
    select
        cost as BilledCost,
        provider as BillingAccountId,
        provider as BillingAccountName,
        'USD' as BillingCurrency,
        date_trunc('month', begins) + interval 1 month as BillingPeriodEnd,
        date_trunc('month', begins) as BillingPeriodStart,
        'Usage' as ChargeCategory,
        cast(null as varchar) as ChargeClass,
        what || ', ' || model as ChargeDescription,
        begins + interval 1 hour as ChargePeriodEnd,
        begins as ChargePeriodStart,
        cost as ContractedCost,
        cost as EffectiveCost,
        provider as InvoiceIssuerName,
        cost as ListCost,
        cast(quantity as decimal(38, 6)) as PricingQuantity,
        unit as PricingUnit,
        provider as ProviderName,
        provider as PublisherName,
        'AI and Machine Learning' as ServiceCategory,
        'Language models' as ServiceName,
        tenant_id as x_TenantId,
        model as x_Model,
        api_key_id as x_ApiKeyId,
        token_type as x_TokenType,
        cost_source as x_CostSource,
        hour_partition,
        hour
    from summed
)

select * from final
