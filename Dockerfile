FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 openjdk-21-jre-headless libopenblas0 \
    && rm -rf /var/lib/apt/lists/*
ENV OPENBLAS_NUM_THREADS=1 LAKEHOUSE_PATH=/data
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && mkdir -p /data/_dagster /data/mlflow && cp dagster.yaml /data/_dagster/
