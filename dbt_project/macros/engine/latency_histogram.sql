{#-
  The latency histogram of aggregates: logarithmic buckets after DDSketch (Masson, Rim and Lee, "DDSketch: A
  fast and fully-mergeable quantile sketch with relative-error guarantees", PVLDB 12(12), 2019,
  section 2.1). With relative error a = 0.01 and g = (1 + a) / (1 - a), bucket i holds the values in
  (g^(i-1), g^i], read as 2 g^i / (g + 1), which is within a of each of them. Counts of one bucket
  add up, so histograms of any hours merge without loss.
-#}
{% macro latency_gamma() -%}
    {{ (1 + 0.01) / (1 - 0.01) }}
{%- endmacro %}


{#- The bucket of zero (and of anything below a billionth), which has no logarithm. -#}
{% macro latency_zero_bucket() -%}
    -32768
{%- endmacro %}


{#- The bucket of a value that is not null. -#}
{% macro latency_bucket(column) -%}
    case
        when {{ column }} < 1e-9 then {{ latency_zero_bucket() }}
        else cast(ceil(ln({{ column }}) / ln({{ latency_gamma() }})) as integer)
    end
{%- endmacro %}


{#- The value that stands for a bucket. -#}
{% macro latency_bucket_value(column) -%}
    case
        when {{ column }} = {{ latency_zero_bucket() }} then 0.0
        else 2 * power({{ latency_gamma() }}, {{ column }}) / ({{ latency_gamma() }} + 1)
    end
{%- endmacro %}


{#-
  A query for p50, p95 and p99 over all rows of `relation` (rows of agg_provider_metrics, of any
  hours), for each combination of `by`, from the histograms alone. Interpolates between the two
  neighbouring ranks just as the exact percentile does, so each result is within 1% of it.
-#}
{% macro latency_percentiles(relation, by=[]) -%}
    {%- set grain = by | join(", ") -%}
    {%- set fractions = {"p50": 0.5, "p95": 0.95, "p99": 0.99} -%}
    with exploded as (
        {{ exploded_pair(relation, by, "latency_buckets", "bucket", "latency_counts", "bucket_count") }}
    ),

    merged as (
        select {{ grain ~ "," if by }} bucket, sum(bucket_count) as bucket_count
        from exploded
        group by {{ grain ~ "," if by }} bucket
    ),

    ranked as (
        select
            {{ grain ~ "," if by }}
            {{ latency_bucket_value("bucket") }} as bucket_value,
            sum(bucket_count) over (
                {{ "partition by " ~ grain if by }} order by bucket
                rows between unbounded preceding and current row
            ) as ranks_up_to,
            sum(bucket_count) over ({{ "partition by " ~ grain if by }}) - 1 as last_rank
        from merged
    ),

    neighbours as (
        select
            {{ grain ~ "," if by }}
            {%- for name, fraction in fractions.items() %}
            max({{ fraction }} * last_rank - floor({{ fraction }} * last_rank)) as {{ name }}_weight,
            min(case when ranks_up_to > floor({{ fraction }} * last_rank) then bucket_value end) as {{ name }}_lower,
            min(case when ranks_up_to > ceil({{ fraction }} * last_rank) then bucket_value end) as {{ name }}_upper{{ "," if not loop.last }}
            {%- endfor %}
        from ranked
        {{ "group by " ~ grain if by }}
    )

    select
        {{ grain ~ "," if by }}
        {%- for name in fractions %}
        {{ name }}_lower + ({{ name }}_upper - {{ name }}_lower) * {{ name }}_weight as {{ name }}_latency_ms{{ "," if not loop.last }}
        {%- endfor %}
    from neighbours
{%- endmacro %}
