"""What looks at the platform from above: metrics and alerts."""
