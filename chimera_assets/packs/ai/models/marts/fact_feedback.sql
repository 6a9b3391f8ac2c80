{{ config(strategy='hours') }}

with staged as (
    select * from {{ ref('stg_feedback') }}
    where {{ in_run_hours() }}
)

select * from staged
