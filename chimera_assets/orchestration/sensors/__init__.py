"""Sensors: what they check every minute or so, and the runs they request."""
