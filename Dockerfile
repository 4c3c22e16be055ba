# Pinned by tag; see docker-compose.yml for digests.
FROM python:3.11.14-slim-trixie
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 openjdk-21-jre-headless libopenblas0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home reco && install --directory --owner=reco --group=reco /data /data/streaming
# pyspark's own scripts find themselves only by SPARK_HOME.
ENV OPENBLAS_NUM_THREADS=1 LAKEHOUSE_PATH=/data SPARK_HOME=/usr/local/lib/python3.11/site-packages/pyspark
WORKDIR /app
COPY requirements/spark.lock requirements/evidently.lock ./requirements/
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/spark.lock -r requirements/evidently.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && install --directory --owner=reco --group=reco /opt/dagster && cp deploy/dagster.yaml /opt/dagster/
USER reco
