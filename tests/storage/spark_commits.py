"""A program for tests of tables on object storage: tells what the log store does where a commit is there already, then
commits one row after the other by Spark, and tells of each, until it is ended.

It takes the address of a table and the first number.
"""

import itertools
import json
import sys
from typing import Any

from py4j.protocol import Py4JJavaError

from resources.engine import Engine
from resources.object_storage.spark import LOG_STORE
from resources.settings import load_settings


def outcomes_of_puts(session: Any, path: str) -> list[str]:
    """Of a put of one commit, of another in its place, and of the first again."""
    jvm, conf = session.sparkContext._jvm, session.sparkContext._jsc.hadoopConfiguration()
    store = getattr(jvm.reco, LOG_STORE.rpartition(".")[2])(conf)

    def outcome(text: str) -> str:
        try:
            store.write(jvm.org.apache.hadoop.fs.Path(path), jvm.java.util.List.of(text).iterator(), False, conf)
        except Py4JJavaError as error:
            return str(error.java_exception.getClass().getName())
        return "done"

    return [outcome("first"), outcome("second"), outcome("first")]


def main(address: str, first: int) -> None:
    session = Engine(load_settings()).session
    print(json.dumps(outcomes_of_puts(session, f"{address}-log/00000000000000000000.json")), flush=True)
    for number in itertools.count(first):
        session.range(number, number + 1, 1, 1).write.format("delta").mode("append").save(address)
        print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
