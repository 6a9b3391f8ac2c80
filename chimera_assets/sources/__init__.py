"""Where rows come from: the operational PostgreSQL, and landing files."""
