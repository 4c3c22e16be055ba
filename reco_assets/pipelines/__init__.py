"""What the tasks of ml_pipeline_dag ask of the platform that is no asset."""
