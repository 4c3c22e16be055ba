"""A real S3 server for the tests of tables on object storage: one for a whole run of tests.

A test marked `object_storage` runs with the tables of its lakehouse in their folders, and again with them there.
"""

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.loopback import free_port
from resources.settings import load_settings

PROGRAM = "versitygw"  # tests/install_servers.sh builds it
BUCKET, KEY, SECRET = "tests", "test", "of-these-tests"
SECONDS_TO_START = 20.0
IN_FOLDERS, ON_OBJECT_STORAGE = "in folders", "on object storage"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked `object_storage` twice; the second time is slow, as it needs a server."""
    if metafunc.definition.get_closest_marker("object_storage"):
        there = pytest.param(ON_OBJECT_STORAGE, marks=pytest.mark.slow)
        metafunc.parametrize("tables_uri", [IN_FOLDERS, there], indirect=True)


@pytest.fixture(scope="session")
def bucket(_no_settings_from_outside: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a bucket; the environment says how to reach it, for this process and for those it starts."""
    cached = load_settings().storage.cache / "bin"
    program = shutil.which(PROGRAM, path=f"{cached}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip(f"no S3 server: neither {cached} nor the PATH has {PROGRAM}; sh tests/install_servers.sh builds it")
    folder = tmp_path_factory.mktemp("object-storage")
    (folder / BUCKET).mkdir()
    address = f"127.0.0.1:{free_port()}"
    keys = {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET}
    reached_by = {
        "AWS_ENDPOINT_URL": f"http://{address}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [program, "--port", address, "--quiet", "posix", str(folder)],
            env=os.environ | keys,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        _wait_until_it_answers(server, f"http://{address}", folder / "log")
        for name, value in reached_by.items():
            patch.setenv(name, value)
        yield f"s3://{BUCKET}"
        server.terminate()


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError:  # it asks who that is
            return
        except OSError:
            time.sleep(0.02)
    server.kill()
    pytest.fail(f"the S3 server did not start: {log.read_text()}")


@pytest.fixture
def tables_uri(request: pytest.FixtureRequest) -> str | None:
    """Where the tables of the test's lakehouses are to lie; None where that is in their folders."""
    if getattr(request, "param", IN_FOLDERS) == IN_FOLDERS:
        return None
    uri = f"{request.getfixturevalue('bucket')}/{uuid.uuid4().hex}"
    request.getfixturevalue("monkeypatch").setenv("LAKEHOUSE_TABLES_URI", uri)
    return uri
