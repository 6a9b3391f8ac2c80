"""Quality rules: the registry of checks, their parameters, dry runs and texts of rules."""
