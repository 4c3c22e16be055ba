#!/bin/bash
# Beside the database that POSTGRES_DB makes: Dagster, MLflow and Airflow name some tables alike. Airflow has a role of its
# own, which reads the others' databases (connection postgres_conn) and changes neither.
# Run by the image when the volume is new. For an older one: docker compose exec postgres bash /docker-entrypoint-initdb.d/databases.sh
set -euo pipefail
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password AIRFLOW_DB_PASSWORD
SELECT 'CREATE DATABASE mlflow' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'mlflow') \gexec
SELECT 'CREATE ROLE airflow LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'airflow') \gexec
ALTER ROLE airflow PASSWORD :'password';
GRANT pg_read_all_data TO airflow;
SELECT 'CREATE DATABASE airflow OWNER airflow' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'airflow') \gexec
SQL
