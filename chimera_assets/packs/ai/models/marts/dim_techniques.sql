{{ config(strategy='merge', key_columns=['technique']) }}

with applied as (
    select
        technique,
        min(timestamp) as first_seen,
        max(timestamp) as last_seen
    from {{ ref('stg_transformations') }}
    where {{ in_run_hours() }}
    group by technique
),

tested as (
    select
        test_type as technique,
        min(timestamp) as first_seen,
        max(timestamp) as last_seen
    from {{ ref('fact_jailbreak_tests') }}
    where {{ in_run_hours() }}
    group by test_type
),

known as (
    select * from {{ this }}
),

seen as (
    select * from applied
    union all
    select * from tested
),

found as (
    select
        technique,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from seen
    group by technique
),

final as (
    select
        found.technique,
        least(found.first_seen, coalesce(known.first_seen, found.first_seen)) as first_seen,
        greatest(found.last_seen, coalesce(known.last_seen, found.last_seen)) as last_seen
    from found
    left join known on found.technique = known.technique
)

select * from final
