"""The pipelines of no document: those that the sensors start, and maintenance."""

from reco_assets.pipelines.documented import DETECT, MERGE_AND_RETRAIN, PROCESS, RETRAIN_EDGES
from reco_assets.pipelines.selections import MAINTENANCE
from reco_assets.pipelines.spec import INTAKE, JobSpec, Task, chain

STREAM_INTAKE = JobSpec(
    name="stream_intake",
    description="Files in the streaming folder to staged ratings and a drift report; started by the landing sensor.",
    tasks=(PROCESS, DETECT),
    edges=chain("process_streaming_data", "detect_drift"),
    queue=INTAKE,
)
DRIFT_SCORING = JobSpec(
    name="drift_scoring",
    description="A new drift report on the waiting batches, for when the champion changed since the last.",
    tasks=(DETECT,),
    edges=(),
    queue=INTAKE,
)
DRIFT_RETRAIN = JobSpec(
    name="drift_retrain",
    description="Waiting batches merged, a model trained on them, judged, promoted or rejected.",
    tasks=MERGE_AND_RETRAIN,
    edges=RETRAIN_EDGES,
    retrains=True,
)
LAKEHOUSE_MAINTENANCE = JobSpec(
    name="lakehouse_maintenance",
    description="Tables compacted and vacuumed, superseded models removed; what a kept model was made of stays.",
    tasks=(Task("maintain_tables", MAINTENANCE),),
    edges=(),
    cron_setting="lakehouse_maintenance_cron",
)

INTERNAL_SPECS = (STREAM_INTAKE, DRIFT_SCORING, DRIFT_RETRAIN, LAKEHOUSE_MAINTENANCE)
