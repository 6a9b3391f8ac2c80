{{ config(strategy='hours') }}

with applied as (
    select
        hour_partition,
        hour,
        tenant_id,
        technique,
        provider as target_provider,
        model as target_model,
        cast(1 as bigint) as attempts,
        cast(case when success then 1 else 0 end as bigint) as successes
    from {{ ref('stg_transformations') }}
    where {{ in_run_hours() }}
),

tested as (
    select
        hour_partition,
        hour,
        tenant_id,
        test_type as technique,
        target_provider,
        target_model,
        cast(coalesce(iterations, 0) as bigint) as attempts,
        cast(coalesce(successful_mutations, 0) as bigint) as successes
    from {{ ref('fact_jailbreak_tests') }}
    where {{ in_run_hours() }}
),

attempts as (
    select * from applied
    union all
    select * from tested
),

totals as (
    select
        hour_partition,
        hour,
        tenant_id,
        technique,
        target_provider,
        target_model,
        cast(sum(attempts) as bigint) as attempts,
        cast(sum(successes) as bigint) as successes
    from attempts
    group by hour_partition, hour, tenant_id, technique, target_provider, target_model
),

final as (
    select
        *,
        cast(successes as double) / nullif(attempts, 0) as success_rate
    from totals
)

select * from final
