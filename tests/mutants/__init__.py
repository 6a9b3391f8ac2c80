"""Do the tests notice? Small changes to the core, made by mutmut in a copy of the repository."""
