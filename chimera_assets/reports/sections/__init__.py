"""The sections of reports: those of packs, by their YAML, and those of the platform itself."""
