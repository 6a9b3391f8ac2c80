{{ config(strategy='hours') }}

select
    loans.hour_partition,
    loans.hour,
    loans.branch_id,
    branches.town,
    count(*) as loans,
    cast(sum(loans.days) as bigint) as days
from {{ ref('fact_loans') }} as loans
inner join {{ ref('stg_branches') }} as branches on loans.branch_id = branches.branch_id
where {{ in_run_hours() }}
group by loans.hour_partition, loans.hour, loans.branch_id, branches.town
