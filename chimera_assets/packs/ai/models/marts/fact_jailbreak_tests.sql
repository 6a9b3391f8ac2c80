{{ config(strategy='hours') }}

with staged as (
    select * from {{ ref('stg_jailbreak_tests') }}
    where {{ in_run_hours() }}
),

final as (
    select
        test_id,
        timestamp,
        tenant_id,
        user_id,
        test_type,
        target_provider,
        target_model,
        iterations,
        successful_mutations,
        asr_rate,
        best_prompt,
        created_at,
        hour_partition,
        hour,
        _batch_id,
        _ingested_at
    from staged
)

select * from final
