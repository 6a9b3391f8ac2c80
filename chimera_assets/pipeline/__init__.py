"""The assets by layer and what runs them: with the definitions, all that knows Dagster."""
