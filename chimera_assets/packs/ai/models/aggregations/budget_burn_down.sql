{{ config(strategy='merge', key_columns=['budget_id', 'day']) }}

with budgets as (
    select * from {{ ref('stg_budgets') }}
),

costs as (
    select
        hour_partition as day,
        x_TenantId as tenant_id, -- noqa: CP02
        x_Model as model, -- noqa: CP02
        x_ApiKeyId as api_key_id, -- noqa: CP02
        max(hour) as last_hour,
        {{ stable_sum("EffectiveCost") }} as cost_usd
    from {{ ref('focus_costs') }}
    where {{ in_run_months() }}
    group by 1, 2, 3, 4
),

days as (
    select
        day,
        cast(date_trunc('month', day) as date) as month,
        max(last_hour) + 1 as hours,
        max(day) over (partition by date_trunc('month', day)) as last_day
    from costs
    group by 1, 2
),

-- every day up to the last one is over; of that one, the hours that anything cost in
calendar as (
    select
        day,
        month,
        24 * ({{ date_part_of("day", "day") }} - 1) + case when day = last_day then hours else 24 end as hours_passed,
        24 * {{ date_part_of("day", "last_day(day)") }} as hours_of_month
    from days
),

budget_days as (
    select
        budgets.*,
        calendar.*
    from budgets
    inner join calendar
        on
            budgets.valid_from <= calendar.month
            and calendar.month < coalesce(budgets.valid_to, date '9999-12-31')
),

spent as (
    select
        budgets.budget_id,
        costs.day,
        {{ stable_sum("costs.cost_usd") }} as cost_usd
    from budgets
    inner join costs
        on
            case budgets.scope
                when 'tenant' then costs.tenant_id
                when 'model' then costs.model
                when 'api_key' then costs.api_key_id
            end = budgets.value
    group by 1, 2
),

burnt as (
    select
        budget_days.*,
        sum(coalesce(spent.cost_usd, cast(0 as decimal(38, 15))))
            over (partition by budget_days.budget_id, budget_days.month order by budget_days.day)
            as spent_usd
    from budget_days
    left join spent on budget_days.budget_id = spent.budget_id and budget_days.day = spent.day
),

estimated as (
    select
        *,
        cast(spent_usd as double) * hours_of_month / hours_passed as forecast_usd
    from burnt
),

final as (
    select
        budget_id,
        day,
        scope,
        value,
        amount as budget_usd,
        cast(spent_usd as decimal(38, 15)) as spent_usd,
        cast(amount - spent_usd as decimal(38, 15)) as remaining_usd,
        cast(hours_passed as double) / hours_of_month as share_of_month_passed,
        forecast_usd,
        spent_usd > amount as is_over,
        forecast_usd > amount as is_forecast_over
    from estimated
)

select * from final
