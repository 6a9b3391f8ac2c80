"""Asset checks: the gate, row conservation, event lag, unit tests of the dbt models."""
