"""What a process beside the test does."""

from reco_assets.forgetting.forget import forget
from resources.tables.lakehouse import Lakehouse


def forget_the_user(lakehouse: Lakehouse) -> None:
    """Forget a user, in this process."""
    forget(lakehouse.settings, ["1987654321"])
