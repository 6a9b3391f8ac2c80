"""Sensors: what is looked for every minute or so, and what they ask for."""
