{{ config(strategy='hours') }}

select * from {{ ref('stg_loans') }}
where {{ in_run_hours() }}
