{{ config(strategy='hours') }}

with staged as (
    select * from {{ ref('stg_invoices') }}
    where {{ in_run_hours() }}
)

select * from staged
