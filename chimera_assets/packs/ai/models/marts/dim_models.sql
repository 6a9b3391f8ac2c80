{{ config(strategy='merge', key_columns=['provider', 'model']) }}

with generations as (
    select
        provider,
        model,
        min(timestamp) as first_seen,
        max(timestamp) as last_seen
    from {{ ref('fact_generations') }}
    where {{ in_run_hours() }}
    group by provider, model
),

tests as (
    select
        target_provider as provider,
        target_model as model,
        min(timestamp) as first_seen,
        max(timestamp) as last_seen
    from {{ ref('fact_jailbreak_tests') }}
    where
        target_provider is not null
        and target_model is not null
        and {{ in_run_hours() }}
    group by target_provider, target_model
),

known as (
    select * from {{ this }}
),

seen as (
    select * from generations
    union all
    select * from tests
),

found as (
    select
        provider,
        model,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from seen
    group by provider, model
),

final as (
    select
        found.provider,
        found.model,
        least(found.first_seen, coalesce(known.first_seen, found.first_seen)) as first_seen,
        greatest(found.last_seen, coalesce(known.last_seen, found.last_seen)) as last_seen
    from found
    left join known on found.provider = known.provider and found.model = known.model
)

select * from final
