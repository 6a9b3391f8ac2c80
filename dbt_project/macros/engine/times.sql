{#- The hour of two partition columns as a timestamp, UTC. -#}
{% macro hour_start(day, hour) -%}
    {{ adapter.dispatch("hour_start", "chimera")(day, hour) }}
{%- endmacro %}

{% macro duckdb__hour_start(day, hour) -%}
    timezone('UTC', {{ day }} + to_hours({{ hour }}))
{%- endmacro %}

{% macro spark__hour_start(day, hour) -%}
    timestampadd(hour, {{ hour }}, cast({{ day }} as timestamp))
{%- endmacro %}


{#- A query for every hour from `first` to `last`, both included, as `hour_start`; none if null. -#}
{% macro hour_series(first, last) -%}
    {{ adapter.dispatch("hour_series", "chimera")(first, last) }}
{%- endmacro %}

{% macro duckdb__hour_series(first, last) -%}
    select unnest(generate_series({{ first }}, {{ last }}, interval 1 hour)) as hour_start
{%- endmacro %}

{% macro spark__hour_series(first, last) -%}
    select explode(sequence({{ first }}, {{ last }}, interval 1 hour)) as hour_start
{%- endmacro %}


{#- A moment, UTC, a datetime or text, as a literal of type timestamp with time zone. -#}
{% macro moment(value) -%}
    {{ adapter.dispatch("moment", "chimera")(value) }}
{%- endmacro %}

{% macro duckdb__moment(value) -%}
    cast('{{ value if value is string else value.strftime("%Y-%m-%d %H:%M:%S") }}+00:00' as timestamp with time zone)
{%- endmacro %}

{% macro spark__moment(value) -%}
    cast('{{ value if value is string else value.strftime("%Y-%m-%d %H:%M:%S") }}+00:00' as timestamp)
{%- endmacro %}


{#- The UTC date of a timestamp. -#}
{% macro utc_date(column) -%}
    cast({{ column }} as date)
{%- endmacro %}


{#-
  A part of a timestamp as an integer: year, quarter, month, day, hour, iso_year, iso_week, or
  iso_weekday (1 Monday to 7 Sunday, as in ISO 8601). Engines' sessions run in UTC.
-#}
{% macro date_part_of(part, column) -%}
    {{ adapter.dispatch("date_part_of", "chimera")(part, column) }}
{%- endmacro %}

{% macro duckdb__date_part_of(part, column) -%}
    {%- set names = {"iso_year": "isoyear", "iso_week": "week", "iso_weekday": "isodow"} -%}
    cast(date_part('{{ names.get(part, part) }}', {{ column }}) as integer)
{%- endmacro %}

{% macro spark__date_part_of(part, column) -%}
    {%- set names = {"iso_year": "yearofweek", "iso_week": "week", "iso_weekday": "dayofweek_iso"} -%}
    cast(extract({{ names.get(part, part) }} from {{ column }}) as int)
{%- endmacro %}


{#- The type of a moment with its time zone. -#}
{% macro timestamp_type() -%}
    {{ adapter.dispatch("timestamp_type", "chimera")() }}
{%- endmacro %}

{% macro duckdb__timestamp_type() -%}
    timestamp with time zone
{%- endmacro %}

{% macro spark__timestamp_type() -%}
    timestamp
{%- endmacro %}
