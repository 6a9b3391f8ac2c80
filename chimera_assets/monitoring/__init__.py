"""Monitoring of the platform: metrics and alerts."""
