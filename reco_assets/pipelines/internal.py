"""The pipelines of no document: those that the sensors start, and maintenance."""

from reco_assets.pipelines.documented import DETECT, MERGE_AND_RETRAIN, PROCESS, RETRAIN_EDGES
from reco_assets.pipelines.selections import EXPERIMENT, EXPOSURES, FRESH, MAINTENANCE, SERVING
from reco_assets.pipelines.spec import INTAKE, JobSpec, Task, chain

STREAM_INTAKE = JobSpec(
    name="stream_intake",
    description="Files to staged ratings, lists for who came, and a drift report; started by the landing sensor.",
    tasks=(PROCESS, Task("log_exposures", EXPOSURES), DETECT),
    edges=(*chain("process_streaming_data", "log_exposures"), *chain("process_streaming_data", "detect_drift")),
    queue=INTAKE,
)
DRIFT_SCORING = JobSpec(
    name="drift_scoring",
    description="A new drift report and lists by the new champion, for when it changed since the last report.",
    tasks=(DETECT, Task("recommend_to_who_came", FRESH)),
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
EXPERIMENT_LOOK = JobSpec(
    name="experiment_look",
    description="A look at the experiment that runs, and everyone's lists as it says; nothing is trained. Before the "
    "first experiment only lists for who came are made.",
    tasks=(Task("look_at_experiment", EXPERIMENT), Task("publish_lists", (*SERVING, *FRESH))),
    edges=chain("look_at_experiment", "publish_lists"),
    config={"ops": {"models__als_experiment": {"config": {"without_experiment": "SKIP"}}}},
    cron_setting="experiment_look_cron",
)
LAKEHOUSE_MAINTENANCE = JobSpec(
    name="lakehouse_maintenance",
    description="Tables compacted and vacuumed, superseded models removed; what a kept model was made of stays.",
    tasks=(Task("maintain_tables", MAINTENANCE),),
    edges=(),
    cron_setting="lakehouse_maintenance_cron",
)

INTERNAL_SPECS = (STREAM_INTAKE, DRIFT_SCORING, DRIFT_RETRAIN, EXPERIMENT_LOOK, LAKEHOUSE_MAINTENANCE)
