"""The warehouse: dbt models on DuckDB over the lake."""
