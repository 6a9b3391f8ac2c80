-- p50, p95 and p99 of each provider over the run's hours (all without vars), from aggregates alone:
-- dbt show --select latency_percentiles_by_provider --vars '{start_hour: ..., end_hour: ...}'
with metrics as (
    select * from {{ ref('agg_provider_metrics') }}
    where {{ in_run_hours() }}
)

select * from ({{ latency_percentiles("metrics", by=["provider"]) }}) as percentiles
