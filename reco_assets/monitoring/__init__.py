"""What is measured of the platform for Prometheus: runs, drift, batches, models; serving measures itself."""
