"""Quality rules: the registry of checks, their parameters, and how a rule is tried and told."""
