#!/bin/bash
# Of the service airflow-init, at each start: the database's tables (Airflow 2: `airflow db init`), the first user, and
# the documented variables. What somebody changed since stays.
set -euo pipefail
airflow db migrate
airflow users create --role Admin --username "$AIRFLOW_USERNAME" --password "$AIRFLOW_PASSWORD" \
    --firstname Admin --lastname User --email "${AIRFLOW_EMAIL:-admin@example.com}"
variables=$(mktemp --suffix .json)
trap 'rm -f "$variables"' EXIT
cat >"$variables" <<JSON
{
  "model_registry_name": "${MODEL_REGISTRY_NAME:-reco_als}",
  "training_lookback_days": "${TRAINING_LOOKBACK_DAYS:-36500}",
  "prediction_threshold": "${RATING_THRESHOLD:-4.0}"
}
JSON
airflow variables import --action-on-existing-key skip "$variables"
