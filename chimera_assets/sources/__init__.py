"""Where rows come from: the operational PostgreSQL, and a simulator that fills it."""
