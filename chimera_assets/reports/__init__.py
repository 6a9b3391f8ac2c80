"""Reports as evidence: sections of figures, each with the table versions that it was computed from."""
