-- The operational tables. Columns that a contract requires may still arrive null: it is the
-- judge's work to say so, row by row, and not this database's to refuse the row.
CREATE TABLE IF NOT EXISTS providers (
    provider_id text PRIMARY KEY,
    provider_name text,
    base_url text,
    models text[],
    enabled bool,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);

CREATE TABLE IF NOT EXISTS generations (
    event_id text PRIMARY KEY,
    timestamp timestamptz,
    tenant_id text DEFAULT 'default',
    user_id text,
    provider text,
    model text,
    prompt_length int,
    response_length int,
    latency_ms float8,
    success bool,
    error_code text,
    techniques_applied text[] DEFAULT '{}',
    tokens_used int,
    cost_usd float8,
    created_at timestamptz DEFAULT now(),
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    trace_id text,
    parent_id text,
    session_id text,
    release text,
    tags text[],
    api_key_id text
);

CREATE TABLE IF NOT EXISTS jailbreak_tests (
    test_id text PRIMARY KEY,
    timestamp timestamptz,
    tenant_id text DEFAULT 'default',
    user_id text,
    test_type text,
    target_provider text,
    target_model text,
    iterations int,
    successful_mutations int,
    asr_rate float8,
    best_prompt text,
    created_at timestamptz DEFAULT now()
);

CREATE TABLE IF NOT EXISTS provider_health (
    check_id text PRIMARY KEY,
    timestamp timestamptz,
    provider_id text,
    status text,
    latency_ms float8,
    error_rate float8,
    created_at timestamptz DEFAULT now()
);

CREATE TABLE IF NOT EXISTS feedback (
    feedback_id text PRIMARY KEY,
    timestamp timestamptz,
    tenant_id text DEFAULT 'default',
    user_id text,
    event_id text,
    trace_id text,
    score float8,
    label text,
    source text,
    comment text,
    created_at timestamptz DEFAULT now()
);

-- Prices are of a million tokens; valid_to is the day after the last.
CREATE TABLE IF NOT EXISTS price_list (
    provider text,
    model text,
    valid_from date,
    valid_to date,
    currency text DEFAULT 'USD',
    input_price numeric(18, 9),
    output_price numeric(18, 9),
    cache_read_price numeric(18, 9),
    cache_write_price numeric(18, 9),
    reasoning_price numeric(18, 9),
    PRIMARY KEY (provider, model, valid_from)
);

CREATE TABLE IF NOT EXISTS invoices (
    provider text,
    invoice_id text,
    line bigint,
    billing_month timestamptz,
    amount numeric(18, 6),
    currency text DEFAULT 'USD',
    description text,
    created_at timestamptz DEFAULT now(),
    PRIMARY KEY (provider, invoice_id, line)
);

CREATE TABLE IF NOT EXISTS budgets (
    budget_id text PRIMARY KEY,
    scope text,
    value text,
    amount numeric(18, 6),
    valid_from date,
    valid_to date
);

CREATE INDEX IF NOT EXISTS feedback_timestamp ON feedback (timestamp);
CREATE INDEX IF NOT EXISTS feedback_created_at ON feedback (created_at);
CREATE INDEX IF NOT EXISTS invoices_billing_month ON invoices (billing_month);
CREATE INDEX IF NOT EXISTS invoices_created_at ON invoices (created_at);
CREATE INDEX IF NOT EXISTS generations_timestamp ON generations (timestamp);
CREATE INDEX IF NOT EXISTS generations_created_at ON generations (created_at);
CREATE INDEX IF NOT EXISTS jailbreak_tests_timestamp ON jailbreak_tests (timestamp);
CREATE INDEX IF NOT EXISTS jailbreak_tests_created_at ON jailbreak_tests (created_at);
CREATE INDEX IF NOT EXISTS provider_health_timestamp ON provider_health (timestamp);
CREATE INDEX IF NOT EXISTS provider_health_created_at ON provider_health (created_at);
