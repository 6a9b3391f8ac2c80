CREATE SCHEMA IF NOT EXISTS desk;

CREATE TABLE IF NOT EXISTS desk.branches (branch_id text PRIMARY KEY, town text, opened date);

CREATE TABLE IF NOT EXISTS desk.loans (
    loan_id text PRIMARY KEY,
    lent_at timestamptz,
    branch_id text,
    reader text,
    shelfmark text,
    days int,
    stored_at timestamptz DEFAULT now()
);
