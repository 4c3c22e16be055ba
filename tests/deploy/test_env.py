"""What `make .env` makes of .env.example: secrets of their own for each installation, none in the repository."""

import re
import runpy
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = (REPOSITORY / ".env.example").read_text()
tool = runpy.run_path(str(REPOSITORY / "tools" / "make_env.py"))
completed, write = tool["completed"], tool["write"]


def variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def test_every_variable_that_the_compose_file_asks_for_is_in_the_example() -> None:
    asked = set(re.findall(r"(?<!\$)\$\{?(\w+)", (REPOSITORY / "docker-compose.yml").read_text()))
    assert asked <= variables(EXAMPLE).keys()


def test_the_example_holds_no_secret() -> None:
    found = variables(EXAMPLE)
    assert {name for name in found if re.search("PASSWORD|SECRET|KEY|TOKEN", name) and found[name]} == set()


def test_what_the_compose_file_cannot_do_without_is_made(made_env: dict[str, str]) -> None:
    needed = set(re.findall(r"\$\{(\w+):\?", (REPOSITORY / "docker-compose.yml").read_text()))
    assert {name for name in needed if not made_env[name]} == set()


def test_secrets_differ_from_each_other_and_from_the_next_ones() -> None:
    ones, others = ([variables(completed(EXAMPLE, ""))[name] for name in tool["SECRETS"]] for _ in range(2))
    assert len({*ones, *others}) == 2 * len(ones)
    assert all(re.fullmatch("[0-9a-f]{48}", secret) for secret in ones)


def test_a_fernet_key_is_one(made_env: dict[str, str]) -> None:
    assert re.fullmatch(r"[\w-]{43}=", made_env["AIRFLOW_FERNET_KEY"])


names = st.sampled_from([*tool["SECRETS"], "SLACK_CHANNEL", "TOP_N", "AIRFLOW_FERNET_KEY"])
values = st.text("abc019=$#{}", min_size=1)


@given(st.dictionaries(names, values))
def test_what_is_there_stays_and_the_rest_is_added(present: dict[str, str]) -> None:
    text = "# mine\n" + "".join(f"{name}={value}\n" for name, value in present.items())
    made = completed(EXAMPLE, text)
    assert made.startswith(text)
    assert variables(made).keys() == variables(EXAMPLE).keys() | present.keys()
    assert completed(EXAMPLE, made) == made


@pytest.mark.parametrize("line", ["export GRAFANA_PASSWORD=mine", " GRAFANA_PASSWORD = 'mi ne#$'"])
def test_what_docker_compose_takes_for_given_is_not_made_anew(line: str) -> None:
    made = completed(EXAMPLE, f"{line}\n")
    assert made.startswith(f"{line}\n")
    assert made.count("GRAFANA_PASSWORD") == 1


@pytest.mark.parametrize("line", ["GRAFANA_PASSWORD=''", 'export GRAFANA_PASSWORD=""', "GRAFANA_PASSWORD= "])
def test_what_docker_compose_takes_for_empty_is_made(line: str) -> None:
    assert re.match(r"GRAFANA_PASSWORD=[0-9a-f]{48}\n", completed(EXAMPLE, f"{line}\n"))


@pytest.mark.parametrize("password", ["p@ss", "a/b", "'a b'", "x$y"])
def test_a_password_that_no_url_can_hold_is_refused_and_the_file_left(password: str, tmp_path: Path) -> None:
    path, example = tmp_path / ".env", tmp_path / "example"
    example.write_text(EXAMPLE)
    path.write_text(f"POSTGRES_PASSWORD={password}\n")
    with pytest.raises(SystemExit, match=r"POSTGRES_PASSWORD in .* becomes part of a URL"):
        write(path, example)
    assert path.read_text() == f"POSTGRES_PASSWORD={password}\n"


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    write(path, REPOSITORY / ".env.example")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_env_is_neither_committed_nor_copied_into_an_image() -> None:
    for ignored in (".gitignore", ".dockerignore"):
        assert ".env" in (REPOSITORY / ignored).read_text().splitlines()
