with source as (
    select * from {{ source('staged', 'jailbreak_tests') }}
),

final as (
    select
        -- ids
        test_id,
        tenant_id,
        user_id,
        -- what was attacked, and how
        test_type,
        target_provider,
        target_model,
        best_prompt,
        -- numbers
        iterations,
        successful_mutations,
        asr_rate,
        -- times
        timestamp,
        created_at,
        -- partition and lineage
        hour_partition,
        hour,
        _batch_id,
        _ingested_at
    from source
)

select * from final
