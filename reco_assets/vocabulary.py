"""The words that several rooms use for one thing: sides of the split, origins, the star scale, keys, CSV columns.

Pure.
"""

from datetime import timedelta

SIDES = TRAIN, TEST, FUTURE = ("train", "test", "future")
LEARNED_SIDES = (TRAIN, TEST)  # those that batches are merged into; the future is kept for streaming
AS_DELIVERED = "as_delivered"  # the policy of a split that came with the files
HISTORY = "history"  # the origin of a rating that came with the source; a streamed one has its batch

LOWEST_RATING, HIGHEST_RATING, RATING_STEP = 0.5, 5.0, 0.5  # stars
ALLOWED_RATINGS = tuple(half / 2 for half in range(1, 11))

VARIANTS = CHAMPION, CHALLENGER = ("champion", "challenger")  # whose list a user gets
BASES = WAITING, BOTH = ("waiting", "history_and_waiting")  # which ratings of a user a fresh list is made of

PAIR = ["user_id", "movie_id"]
KEY = [*PAIR, "rating_ts"]
RATING_COLUMNS = (*PAIR, "rating")  # what a model is fitted to
CSV_COLUMNS = ("DATE", "CUST_ID", "MOVIE_ID", "RATING")  # of a file that streams in, and of future.csv

CLOCK_SKEW = timedelta(days=1)  # a source's clock may be ahead, and dates without a time zone are
LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last that a timestamp prints in four digits of year
INT32_MAX = 2_147_483_647
CONFLICT = "conflicting_duplicate"  # the reason of a row whose key has another value
