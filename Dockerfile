# The platform: both engines, MLflow's server, Postgres's driver. Pinned by tag; docker-compose.yml says how to get digests.
FROM python:3.11.14-slim-trixie
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 libopenblas0 openjdk-21-jre-headless \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home reco \
    && install --directory --owner=reco --group=reco /data /data/streaming /opt/dagster \
       /workspace /workspace/data /workspace/data/streaming /workspace/models \
    && python -m venv /opt/reco
# Spark's workers start the driver's Python by its path, so airflow/Dockerfile has the platform at the same one.
# pyspark's own scripts find themselves only by SPARK_HOME.
ENV PATH=/opt/reco/bin:$PATH \
    PYSPARK_PYTHON=/opt/reco/bin/python \
    SPARK_HOME=/opt/reco/lib/python3.11/site-packages/pyspark \
    OPENBLAS_NUM_THREADS=1 \
    LAKEHOUSE_PATH=/data \
    WORKSPACE=/workspace
WORKDIR /app
COPY requirements/spark.lock requirements/evidently.lock ./requirements/
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/spark.lock -r requirements/evidently.lock
COPY . .
COPY deploy/dagster.yaml /opt/dagster/
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .
USER 10001:10001
