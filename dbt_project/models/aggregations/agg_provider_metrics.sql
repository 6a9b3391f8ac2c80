{{ config(strategy='hours') }}

{%- set grain = "hour_partition, hour, tenant_id, provider, model" %}

with generations as (
    select * from {{ ref('fact_generations') }}
    where {{ in_run_hours() }}
),

metrics as (
    select
        {{ grain }},
        count(*) as total_requests,
        {{ count_where("success") }} as successful_requests,
        {{ count_where("not success") }} as failed_requests,
        {{ stable_avg("latency_ms") }} as avg_latency_ms,
        {{ percentile("latency_ms", 0.5) }} as p50_latency_ms,
        {{ percentile("latency_ms", 0.95) }} as p95_latency_ms,
        {{ percentile("latency_ms", 0.99) }} as p99_latency_ms,
        cast(sum(cast(tokens_used as bigint)) as bigint) as total_tokens,
        {{ stable_sum("cost_usd") }} as total_cost_usd
    from generations
    group by {{ grain }}
),

buckets as (
    select
        {{ grain }},
        {{ latency_bucket("latency_ms") }} as bucket,
        count(*) as bucket_count
    from generations
    where latency_ms is not null
    group by {{ grain }}, {{ latency_bucket("latency_ms") }}
),

histograms as (
    select
        {{ grain }},
        {{ array_of("bucket", order_by="bucket") }} as latency_buckets,
        {{ array_of("bucket_count", order_by="bucket") }} as latency_counts
    from buckets
    group by {{ grain }}
),

final as (
    select
        metrics.*,
        coalesce(histograms.latency_buckets, {{ empty_array("integer") }}) as latency_buckets,
        coalesce(histograms.latency_counts, {{ empty_array("bigint") }}) as latency_counts
    from metrics
    left join histograms
        on
            metrics.hour_partition = histograms.hour_partition
            and metrics.hour = histograms.hour
            and metrics.tenant_id = histograms.tenant_id
            and metrics.provider = histograms.provider
            and metrics.model = histograms.model
)

select * from final
