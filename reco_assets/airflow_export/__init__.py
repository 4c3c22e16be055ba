"""The documented pipelines as Airflow DAG files, rendered from the platform's own job specs."""
