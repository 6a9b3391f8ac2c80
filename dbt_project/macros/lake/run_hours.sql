{#-
  The hours that this run is about: {"start": datetime, "end": datetime, "last": datetime}, UTC,
  the end excluded, `last` the hour before it; none when neither is given, which means all hours.

  Given by the vars `start_hour` and `end_hour`, or by the environment, CHIMERA_DBT_START_HOUR and
  CHIMERA_DBT_END_HOUR. The environment is the way for a schedule: dbt parses the whole project anew
  whenever a var has another value than last time, which costs seconds.
-#}
{% macro run_hours() %}
    {%- set given = {"start_hour": var("start_hour", none), "end_hour": var("end_hour", none)} -%}
    {%- if execute and given.start_hour is none and given.end_hour is none -%}
        {#- Only while executing: what is read while parsing becomes a reason to parse again. -#}
        {%- for name in given -%}
            {%- do given.update({name: env_var("CHIMERA_DBT_" ~ name | upper, "") or none}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if given.start_hour is none and given.end_hour is none -%}
        {%- do return(none) -%}
    {%- endif -%}
    {%- set hours = {} -%}
    {%- for name, value in given.items() -%}
        {%- if value is none -%}
            {%- do exceptions.raise_compiler_error(
                "vars start_hour and end_hour (or CHIMERA_DBT_START_HOUR and CHIMERA_DBT_END_HOUR): "
                ~ "expected both or neither, " ~ name ~ " is missing"
            ) -%}
        {%- endif -%}
        {%- set text = (value | string).replace("Z", "+00:00") -%}
        {%- if not modules.re.match("^\d{4}-\d\d-\d\d[T ]\d\d(:00(:00([.]0+)?)?)?([+-]\d\d:?\d\d)?$", text) -%}
            {%- do exceptions.raise_compiler_error(
                "var " ~ name ~ ": expected a whole hour, ISO 8601, UTC, 2026-01-31T05:00:00Z for "
                ~ "instance, found " ~ value
            ) -%}
        {%- endif -%}
        {%- set moment = modules.datetime.datetime.fromisoformat(text) -%}
        {%- if moment.tzinfo is none -%}
            {%- set moment = moment.replace(tzinfo=modules.pytz.utc) -%}
        {%- endif -%}
        {%- do hours.update({name[:-5]: moment.astimezone(modules.pytz.utc)}) -%}
    {%- endfor -%}
    {%- if hours.end <= hours.start -%}
        {%- do exceptions.raise_compiler_error(
            "vars start_hour and end_hour: expected an end later than the start "
            ~ hours.start.isoformat() ~ ", found " ~ hours.end.isoformat() ~ " (excluded)"
        ) -%}
    {%- endif -%}
    {%- do hours.update({"last": hours.end - modules.datetime.timedelta(hours=1)}) -%}
    {%- do return(hours) -%}
{% endmacro %}


{#-
  The condition that a row lies in the run's hours. Written on the partition columns alone and as
  plain comparisons, so that every engine reads only the files of those days or of that hour.
-#}
{% macro in_run_hours() -%}
    {%- set hours = run_hours() -%}
    {%- if hours is none -%}
        1 = 1
    {%- else -%}
        {%- set last = hours.last -%}
        {%- set first_day, last_day = hours.start.date(), last.date() -%}
        {%- if first_day == last_day and hours.start == last -%}
            hour_partition = date '{{ first_day }}' and hour = {{ last.hour }}
        {%- elif first_day == last_day -%}
            hour_partition = date '{{ first_day }}'
            and hour between {{ hours.start.hour }} and {{ last.hour }}
        {%- else -%}
            hour_partition between date '{{ first_day }}' and date '{{ last_day }}'
            {%- if hours.start.hour > 0 %}
            and (hour_partition > date '{{ first_day }}' or hour >= {{ hours.start.hour }})
            {%- endif %}
            {%- if last.hour < 23 %}
            and (hour_partition < date '{{ last_day }}' or hour <= {{ last.hour }})
            {%- endif %}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#-
  The condition that a day lies in a month of which the run has an hour. A model of months, merged by
  its key, so reads and makes these alone, whatever the length of the history.
-#}
{% macro in_run_months(column="hour_partition") -%}
    {%- set hours = run_hours() -%}
    {%- if hours is none -%}
        1 = 1
    {%- else -%}
        {%- set last = hours.last.date() -%}
        {%- set after = last.replace(day=1) + modules.datetime.timedelta(days=32) -%}
        {{ column }} >= date '{{ hours.start.date().replace(day=1) }}' and {{ column }} < date '{{ after.replace(day=1) }}'
    {%- endif -%}
{%- endmacro %}
