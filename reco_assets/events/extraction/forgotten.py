"""Messages of users who were forgotten don't come in again. Pure."""

import json

from reco_assets.events.extraction.messages import Messages
from reco_assets.tombstones import FORGOTTEN_LINE, Tombstones


def without_forgotten(messages: Messages, gone: Tombstones) -> Messages:
    """The messages without those of forgotten users, and without the marks that stand in files in place of some."""
    kept = [at for at, value in enumerate(messages.values) if not _is_theirs(value, gone)]
    if len(kept) == len(messages):
        return messages
    keys, values = [messages.keys[at] for at in kept], [messages.values[at] for at in kept]
    return Messages(messages.span, [messages.offsets[at] for at in kept], keys, values)


def _is_theirs(value: bytes | None, gone: Tombstones) -> bool:
    if value is None:
        return False
    if value.startswith(FORGOTTEN_LINE) and value.rstrip() == FORGOTTEN_LINE:
        return True
    if not gone or b'"user_id"' not in value:
        return False
    try:
        document = json.loads(value)
    except ValueError:
        return False
    return isinstance(document, dict) and gone.has(document.get("user_id"))
