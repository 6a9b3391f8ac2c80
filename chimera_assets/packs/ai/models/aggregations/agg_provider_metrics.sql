{{ config(strategy='hours') }}

{%- set grain = "hour_partition, hour, tenant_id, provider, model" %}

with generations as (
    select
        *,
        {{ latency_bucket("latency_ms") }} as latency_bucket
    from {{ ref('fact_generations') }}
    where {{ in_run_hours() }}
),

metrics as (
    select
        {{ grain }},
        count(*) as total_requests,
        {{ count_where("success") }} as successful_requests,
        {{ count_where("not success") }} as failed_requests,
        {{ stable_avg("latency_ms") }} as avg_latency_ms,
        {{ percentiles("latency_ms", [0.5, 0.95, 0.99]) }} as latency_percentiles,
        cast(coalesce(sum(cast(tokens_used as bigint)), 0) as bigint) as total_tokens,
        {{ stable_sum("cost_usd") }} as total_cost_usd,
        {{ distinct_values("latency_bucket") }} as latency_buckets,
        {{ distinct_counts("latency_bucket") }} as latency_counts
    from generations
    group by {{ grain }}
),

final as (
    select
        {{ grain }},
        total_requests,
        successful_requests,
        failed_requests,
        avg_latency_ms,
        {{ array_element("latency_percentiles", 1) }} as p50_latency_ms,
        {{ array_element("latency_percentiles", 2) }} as p95_latency_ms,
        {{ array_element("latency_percentiles", 3) }} as p99_latency_ms,
        total_tokens,
        total_cost_usd,
        coalesce(latency_buckets, {{ empty_array("integer") }}) as latency_buckets,
        coalesce(latency_counts, {{ empty_array("bigint") }}) as latency_counts
    from metrics
)

select * from final
