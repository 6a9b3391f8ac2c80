{{ config(strategy='merge', key_columns=['hour_start']) }}

{%- set hours = run_hours() %}

with
{% if hours is none -%}
bounds as (
    select
        min({{ hour_start("hour_partition", "hour") }}) as first_hour,
        max({{ hour_start("hour_partition", "hour") }}) as last_hour
    from {{ ref('stg_generations') }}
),
{%- else -%}
bounds as (
    -- depends_on: {{ ref('stg_generations') }}
    select
        {{ moment(hours.start) }} as first_hour,
        {{ moment(hours.last) }} as last_hour
),
{%- endif %}

hours as (
    {{ hour_series("first_hour", "last_hour") }} from bounds
),

final as (
    select
        hour_start,
        {{ utc_date("hour_start") }} as hour_partition,
        {{ date_part_of("hour", "hour_start") }} as hour,
        {{ date_part_of("year", "hour_start") }} as year,
        {{ date_part_of("quarter", "hour_start") }} as quarter,
        {{ date_part_of("month", "hour_start") }} as month,
        {{ date_part_of("day", "hour_start") }} as day,
        {{ date_part_of("iso_year", "hour_start") }} as iso_year,
        {{ date_part_of("iso_week", "hour_start") }} as iso_week,
        {{ date_part_of("iso_weekday", "hour_start") }} as weekday,
        {{ date_part_of("iso_weekday", "hour_start") }} >= 6 as is_weekend
    from hours
)

select * from final
