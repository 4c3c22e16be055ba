"""Which accepted batches the training and test tables hold, told from the transactions of the commits that merged them.

The commit that brings batches carries the last one's transaction `merge:<epoch>:<batch>`. Batches are accepted in
order and merged in order, so what stands before it in the list is in the table too.
"""

from itertools import takewhile

from reco_assets.batches.accepted import accepted_newest_first, waiting_batches
from reco_assets.batches.withdrawn import withdrawn
from reco_assets.tables import SIDE_TABLES, TRAIN_RATINGS
from resources.tables.files import LakehouseError
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import TableLog, read_log


def transaction(epoch: int, batch: str) -> str:
    """The name of the transaction that merges batches up to this one into a table of this epoch."""
    return f"merge:{epoch}:{batch}"


def pending(lakehouse: Lakehouse, log: TableLog) -> list[str]:
    """The accepted batches after the last one whose merge is in a table's log, in the order of acceptance.

    Raises `LedgerError`.
    """
    return _accepted_since(lakehouse, log, log.epoch)


def unlearned(lakehouse: Lakehouse, version: int | None) -> tuple[str, ...]:
    """The batches that a model trained on a Delta version of silver/train_ratings has not learned from.

    First those that were accepted and merged later, in that order, then those that wait, in the order of intake. Of a
    model that was trained on no version, or on one that is gone, what was accepted is taken to be known.
    Raises `LedgerError`.
    """
    return (*_accepted_after(lakehouse, version), *waiting_batches(lakehouse))


def _accepted_after(lakehouse: Lakehouse, version: int | None) -> list[str]:
    if version is None:
        return []
    try:
        log = read_log(lakehouse, TRAIN_RATINGS.name, version)
    except LakehouseError:
        return []
    return _accepted_since(lakehouse, log, log.noted_epoch)


def _accepted_since(lakehouse: Lakehouse, log: TableLog, epoch: int | None) -> list[str]:
    newest_first, out = accepted_newest_first(lakehouse.root), withdrawn(lakehouse.root)
    if epoch is not None:
        newest_first = takewhile(lambda batch: not log.has(transaction(epoch, batch)), newest_first)
    return [batch for batch in newest_first if batch not in out][::-1]


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
