"""What a failed step is told by: our own message says what to do, a library's is one line."""

from reco_assets.runner.ends import in_short

STEP = "dagster._core.errors.DagsterExecutionStepExecutionError: Error occurred while executing op"
OURS = "resources.engine.EngineError: No session on the cluster at spark://host:7077. Check SPARK_MASTER."
LIBRARY = "py4j.protocol.Py4JJavaError: An error occurred while calling None.SparkSession."


def test_our_own_message_is_told_and_not_its_cause() -> None:
    assert in_short([STEP, OURS, LIBRARY]) == "No session on the cluster at spark://host:7077. Check SPARK_MASTER."


def test_an_error_of_a_library_is_told_by_its_class() -> None:
    assert in_short([STEP, LIBRARY]) == "Py4JJavaError: An error occurred while calling None.SparkSession."


def test_what_a_table_raised_from_a_library_is_told_by_what_can_be_done() -> None:
    broken = "resources.tables.files.BrokenTableError: Kernel error: no log"
    told = in_short([STEP, broken, "deltalake.exceptions.DeltaError: Kernel error: no log"])
    assert "Bring the table back from a backup" in told


def test_a_step_without_an_error_is_told_too() -> None:
    assert in_short([]) == "no error was recorded"
