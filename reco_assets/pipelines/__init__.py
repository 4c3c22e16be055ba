"""The pipelines as data: their tasks by name, their order and their times; Dagster and Airflow both run these."""
