{{ config(strategy='merge', key_columns=['provider', 'billing_month']) }}

with billed as (
    select
        BillingAccountId as provider, -- noqa: CP02
        cast(date_trunc('month', hour_partition) as date) as billing_month,
        {{ stable_sum("BilledCost") }} as billed_usd
    from {{ ref('focus_costs') }}
    where {{ in_run_months() }}
    group by 1, 2
),

invoiced as (
    select
        provider,
        cast(date_trunc('month', hour_partition) as date) as billing_month,
        count(distinct invoice_id) as invoices,
        {{ stable_sum("cast(amount as decimal(38, 15))") }} as invoiced_usd
    from {{ ref('fact_invoices') }}
    where {{ in_run_months() }}
    group by 1, 2
),

-- what was there before may have been taken back: its row says so
known as (
    select * from {{ this }}
    where {{ in_run_months("billing_month") }}
),

found as (
    select
        provider,
        billing_month
    from billed
    union
    select
        provider,
        billing_month
    from invoiced
    union
    select
        provider,
        billing_month
    from known
),

final as (
    select
        found.provider,
        found.billing_month,
        coalesce(billed.billed_usd, 0) as billed_usd,
        coalesce(invoiced.invoices, 0) as invoices,
        invoiced.invoiced_usd,
        invoiced.invoiced_usd - coalesce(billed.billed_usd, 0) as difference_usd
    from found
    left join billed on found.provider = billed.provider and found.billing_month = billed.billing_month
    left join invoiced on found.provider = invoiced.provider and found.billing_month = invoiced.billing_month
)

select * from final
