"""The assets by layer, and what runs them: the only floor, with the definitions, that knows Dagster."""
