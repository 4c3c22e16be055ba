"""One function that takes passwords and tokens out of a text, for all that is printed, logged or stored."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, unquote

MASK = "***"
# Characters of a secret that is looked for wherever it stands, as "dagster" stands in every other message.
SHORTEST, SHORTEST_IN_URL = 8, 6
# Up to the last @, as a password that nobody encoded may hold /, : and @ itself.
_IN_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<who>[^\s'\"<>/][^\s'\"<>]*)@")
# A variable that is a URL from its start, whose password may also hold quotes, spaces, < and >.
_WHOLE_URL = re.compile(r"\s*[A-Za-z][\w+.-]*://(?P<user>[^/@:\s]*):(?P<password>.+)@(?P<rest>[^@]*)", re.DOTALL)
_SECRET_NAME = r"[\w.-]*(?:passw(?:or)?d|pwd|token|secret|api[_-]?key|access[_-]?key|sig|signature|credentials?)"
_NAME = rf"(?P<name>(?:\b{_SECRET_NAME}['\"]?\s*[=:]|[?&;]auth=)\s*"
_QUOTED = re.compile(rf"{_NAME}(?P<quote>['\"]))(?:\\.|(?!(?P=quote))[^\n\\])+(?P=quote)", re.IGNORECASE)
_NAMED = re.compile(rf"{_NAME}['\"]?)[^\s&;,'\")}}\]]+", re.IGNORECASE)
# What follows is a scheme of credentials, or holds a digit, which words such as "denied" don't.
_AUTHORIZATION = re.compile(
    r"(?P<name>\bAuthorization['\"]?\s*[=:]\s*['\"]?(?:(?:token|key|api-?key|digest|negotiate)\s+|(?=[^\s'\"]*\d)))"
    r"[^\s'\",]+",
    re.IGNORECASE,
)
_HEADER = re.compile(r"(?P<name>\b(?:Bearer|Basic)\s+)[A-Za-z0-9+/=._~-]{4,}", re.IGNORECASE)
_SLACK = re.compile(r"\bx(?:ox[a-z]|app)-[A-Za-z0-9-]+")
_WEBHOOK = re.compile(r"(?P<name>\b(?:services|workflows|triggers)/)[A-Z0-9][\w/-]+")
_SECRET_VARIABLE = re.compile(r"\w*(?:PASSWORD|PASSWD|TOKEN|SECRET|API_?KEY|ACCESS_KEY|CREDENTIALS?)", re.IGNORECASE)
CHANNELS = "ALERT_URLS"  # of which every part may be what lets its reader write to the channel
_HOST = re.compile(r"localhost|[\w-]+(?:\.[\w-]+)+")
_PATH = re.compile(r"[~.]{0,2}/")  # of a file that holds the secret
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (_IN_URL, lambda found: f"{found['scheme']}{_user(found['who'])}{MASK}@"),
    (_SLACK, MASK),
    (_WEBHOOK, rf"\g<name>{MASK}"),
    (_HEADER, rf"\g<name>{MASK}"),
    (_AUTHORIZATION, rf"\g<name>{MASK}"),
    (_QUOTED, rf"\g<name>{MASK}\g<quote>"),
    (_NAMED, rf"\g<name>{MASK}"),
)


def masked(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The text with `***` for every secret in it.

    That is what stands as one in a URL, a header or behind a name such as `token=`, and, wherever they stand, the
    secrets of the environment (this process's, unless one is given).
    """
    for secret in sorted(_secrets(os.environ if environment is None else environment), key=len, reverse=True):
        # An ordinary word is a part of others, as of names in paths.
        text = re.sub(rf"\b{secret}\b", MASK, text) if secret.isalpha() else text.replace(secret, MASK)
    for pattern, by in _RULES:
        text = pattern.sub(by, text)
    return text


def pieces_of_url(url: str) -> set[str]:
    """What may be secret in the URL of a channel: user, password, path and query, but no host's name.

    Where a service takes a token in the place of a host, that is one of them.
    """
    scheme, _, rest = url.partition("://")
    pieces = {piece for piece in re.split(r"[/:@?&=,#\s]+", rest) if len(piece) >= SHORTEST_IN_URL}
    return {form for piece in pieces if not _HOST.fullmatch(piece) for form in _forms(piece)} - {scheme}


def without(text: str, secrets: set[str]) -> str:
    """The text with `***` for these secrets, the longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _user(who: str) -> str:
    """The name before a password; what stands alone is a token."""
    name, separator, _ = who.partition(":")
    return f"{name}:" if separator else ""


def _secrets(environment: Mapping[str, str]) -> Iterator[str]:
    for variable, value in environment.items():
        if variable == CHANNELS:
            yield from (piece for piece in pieces_of_url(value) if len(piece) >= SHORTEST)
        if _SECRET_VARIABLE.fullmatch(variable) and not _PATH.match(value) and len(value) >= SHORTEST:
            yield from _forms(value)
        for password in _in_urls(value):
            # A password that nobody encoded is cut at these by who reads the URL, and shown in pieces.
            for piece in (password, *re.split(r"[/:@?#]", password)):
                yield from (form for form in _forms(piece) if len(form) >= SHORTEST_IN_URL)


def _in_urls(value: str) -> Iterator[str]:
    """The passwords and tokens of a variable's URLs, but for one that is also the user's or database's name."""
    whole = _WHOLE_URL.match(value)
    named = {whole["user"], re.split(r"[?#]", whole["rest"])[0].rpartition("/")[2].strip()} if whole else set()
    found = [whole["password"]] if whole else []
    found += [each["who"].partition(":")[2] or each["who"] for each in _IN_URL.finditer(value)]
    yield from (password for password in found if password not in named)


def _forms(secret: str) -> set[str]:
    return {secret, unquote(secret), quote(secret, safe="")}
