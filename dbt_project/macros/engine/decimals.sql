{#-
  A floating-point number as `decimal(38, 15)`: by its shortest text, which is the number that was
  meant. DuckDB reads a text into 64 bits a dozen times faster than into 128; and of one that is less
  than half of the last place it goes by the first digit alone.
-#}
{% macro exact_decimal(column) -%}
    case
        when abs({{ column }}) < 0.0000000000000005 then cast(0 as decimal(38, 15))
        when abs({{ column }}) < 1000
            then cast(cast(cast({{ column }} as varchar) as decimal(18, 15)) as decimal(38, 15))
        else cast(cast({{ column }} as varchar) as decimal(38, 15))
    end
{%- endmacro %}
