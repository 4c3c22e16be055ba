"""Which accepted batches the training and test tables hold, told from the transactions of the commits that merged them.

The commit that brings batches carries the last one's transaction `merge:<epoch>:<batch>`. Batches are accepted in
order and merged in order, so what stands before it in the list is in the table too.
"""

from itertools import takewhile

from reco_assets.batches.accepted import accepted_newest_first, waiting_batches
from reco_assets.tables import SIDE_TABLES
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import TableLog, read_log


def transaction(epoch: int, batch: str) -> str:
    """The name of the transaction that merges batches up to this one into a table of this epoch."""
    return f"merge:{epoch}:{batch}"


def pending(lakehouse: Lakehouse, log: TableLog) -> list[str]:
    """The accepted batches after the last one whose merge is in a table's log, in the order of acceptance.

    Raises `LedgerError`.
    """
    epoch = log.epoch
    newest_first = accepted_newest_first(lakehouse.root)
    return [*takewhile(lambda batch: not log.has(transaction(epoch, batch)), newest_first)][::-1]


def is_merged_and_waits(lakehouse: Lakehouse) -> bool:
    """Whether a table holds the merge of a batch that waits: the ledger is from a backup, older than its tables.

    Raises `LedgerError`.
    """
    batches = waiting_batches(lakehouse)
    for spec in SIDE_TABLES.values() if batches else ():
        if lakehouse.exists(spec.name) and lakehouse.version(spec.name) is not None:
            log = read_log(lakehouse, spec.name)
            epoch = log.epoch
            if any(log.has(transaction(epoch, batch)) for batch in batches):
                return True
    return False
