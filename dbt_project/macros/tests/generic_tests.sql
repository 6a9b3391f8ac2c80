{#- No two rows have the same values in `columns`. -#}
{% test unique_key(model, columns) %}
    select
        {{ columns | join(", ") }},
        count(*) as row_count
    from {{ model }}
    group by {{ columns | join(", ") }}
    having count(*) > 1
{% endtest %}


{#- Every row satisfies every condition; a condition that is null counts as satisfied. -#}
{% test rows_satisfy(model, conditions=[], never_null=[]) %}
    select *
    from {{ model }}
    where
        1 = 0
        {%- for column in never_null %}
        or {{ column }} is null
        {%- endfor %}
        {%- for condition in conditions %}
        or not ({{ condition }})
        {%- endfor %}
{% endtest %}


{#- Every value of `column` that is not null occurs in `field` of `to`. -#}
{% test known_in(model, column, to, field) %}
    with found as (
        select distinct {{ column }} as found_value
        from {{ model }}
        where {{ column }} is not null
    )

    select found_value
    from found
    where found_value not in (
        select {{ field }} from {{ to }} where {{ field }} is not null
    )
{% endtest %}


{#- In every hour the sum of `total` equals `counted` (a count by default) over the rows of `of`. -#}
{% test reconciles_by_hour(model, total, of, counted="count(*)") %}
    with found as (
        select hour_partition, hour, {{ total }} as amount
        from {{ model }}
        group by hour_partition, hour
    ),

    expected as (
        select hour_partition, hour, {{ counted }} as amount
        from {{ get_where_subquery(of) }}
        group by hour_partition, hour
    )

    select
        expected.hour_partition,
        expected.hour,
        expected.amount as expected_amount,
        found.amount as found_amount
    from expected
    full outer join found
        on expected.hour_partition = found.hour_partition and expected.hour = found.hour
    where coalesce(expected.amount, 0) <> coalesce(found.amount, 0)
{% endtest %}


{#- In every hour the sum of `total` is, either way, at most a `share` of the sum of `of`. -#}
{% test sums_within_by_hour(model, total, of, share) %}
    select
        hour_partition,
        hour,
        sum({{ total }}) as found_amount,
        sum({{ of }}) as of_amount
    from {{ model }}
    group by hour_partition, hour
    having abs(sum({{ total }})) > {{ share }} * sum({{ of }})
{% endtest %}
