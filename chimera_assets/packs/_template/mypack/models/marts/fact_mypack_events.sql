{{ config(strategy='hours') }}

-- one row an event; only the hours of the run are replaced
with staged as (
    select * from {{ ref('stg_mypack_events') }}
    where {{ in_run_hours() }}
),

final as (
    select * from staged
)

select * from final
