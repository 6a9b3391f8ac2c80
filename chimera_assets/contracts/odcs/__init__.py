"""Reading an ODCS file: its YAML with line numbers, the standard's model, our terms in it."""
