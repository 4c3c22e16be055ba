-- Beside the database that POSTGRES_DB makes: Dagster and MLflow name some tables alike. Run when the volume is new.
CREATE DATABASE mlflow;
