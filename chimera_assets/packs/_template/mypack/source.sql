-- The operational tables, made by `chimera source init` where they are missing. Columns that the
-- contract requires may be null here: it is the contract that rejects a row, not the database. A
-- statement ends with a semicolon at the end of a line.
CREATE TABLE IF NOT EXISTS mypack_events (
    event_id text PRIMARY KEY,
    happened_at timestamptz,
    tenant_id text DEFAULT 'default',
    person text,
    kind text,
    amount float8,
    stored_at timestamptz DEFAULT now()
);

CREATE INDEX IF NOT EXISTS mypack_events_happened_at ON mypack_events (happened_at);
CREATE INDEX IF NOT EXISTS mypack_events_stored_at ON mypack_events (stored_at);
