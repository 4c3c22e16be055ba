"""Passwords and tokens are taken out of a text, wherever they stand, and all else stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import RecoError
from resources.settings import SettingsError, load_settings
from resources.text.masking import masked

TEXTS = {
    "postgresql://me:hunter2@db:5432/mlflow is down": "postgresql://me:***@db:5432/mlflow is down",
    "postgresql+psycopg2://me:hun/t@er2@db/m": "postgresql+psycopg2://me:***@db/m",
    "http://:hunter2@proxy:3128": "http://:***@proxy:3128",
    "https://ghp_hunter2@host/x": "https://***@host/x",
    "'http://u:hunter2@a/x' and \"http://v:hunter2@b/y\"": "'http://u:***@a/x' and \"http://v:***@b/y\"",
    "sc://host:15002/;token=hunter2;user_id=me": "sc://host:15002/;token=***;user_id=me",
    "http://h/x?a=1&password=hunter2&b=2": "http://h/x?a=1&password=***&b=2",
    "https://s3/x?X-Amz-Signature=hunter2&X-Amz-Date=1": "https://s3/x?X-Amz-Signature=***&X-Amz-Date=1",
    "https://blob/x?sv=1&sig=hunter2%3D": "https://blob/x?sv=1&sig=***",
    "host=db password=hunter2 dbname=x": "host=db password=*** dbname=x",
    "{'token': 'hunter2', 'channel': '#reco'}": "{'token': '***', 'channel': '#reco'}",
    "Authorization: Bearer hunter2.abc": "Authorization: Bearer ***",
    "Authorization: token hunter2": "Authorization: token ***",
    "{'Authorization': 'hunter2'}": "{'Authorization': '***'}",
    "http://h/x?auth=hunter2&b=2": "http://h/x?auth=***&b=2",
    "connect(password='my hunter2', host='db')": "connect(password='***', host='db')",
    'password: "it\'s, hunter2" was wrong': 'password: "***" was wrong',
    "posted with xoxb-12-hunter2 to #reco": "posted with *** to #reco",
    "https://hooks.slack.com/services/T01/B02/hunter2": "https://hooks.slack.com/services/***",
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_secret_is_masked_by_where_it_stands(text: str) -> None:
    assert masked(text, {}) == TEXTS[text]


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////data/mlflow/mlflow.db",
        "http://127.0.0.1:5000/api/2.0/mlflow/runs?max_results=3",
        "file:///home/me@work/lake",
        "movie 5, user me@host, 3 of 4 tokens",
        "authorization: denied by the server",
        "author=somebody oauth=2",
        "gold/recommendations_als: 0.8712 (version 20250101_120000_2)",
    ],
)
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    assert masked(text, {}) == text


@pytest.mark.parametrize("shown", ["hun ters", "hun%20ters"])
def test_a_secret_of_the_environment_is_masked_wherever_it_stands(shown: str) -> None:
    environment = {"MLFLOW_TRACKING_URI": "http://me:hun%20ters@host", "POSTGRES_PASSWORD": "opensesame", "HOME": "/me"}
    assert masked(f"tried {shown} and opensesame in /me", environment) == "tried *** and *** in /me"


def test_a_password_that_was_cut_by_who_read_its_url_is_masked_in_pieces() -> None:
    environment = {"MLFLOW_TRACKING_URI": "http://me:S3cret-of/the%40registry@host"}
    shown = "Port could not be cast to integer value as 'S3cret-of' in the@registry"
    assert masked(shown, environment) == "Port could not be cast to integer value as '***' in ***"


@pytest.mark.parametrize(
    "password", ["hun'ter two", 'hun"ter two', "hun ters two", "hun<ters>two", "hun\nters", "hun/'t@ers"]
)
def test_a_password_of_any_characters_is_masked_whole(password: str) -> None:
    environment = {"MLFLOW_TRACKING_URI": f"postgresql://me:{password}@db/mlflow"}
    assert masked(f"could not open postgresql://me:{password}@db/mlflow", environment).startswith(
        "could not open postgresql://me:***@db"
    )
    assert masked(f"no such user: {password}", environment) == "no such user: ***"


@pytest.mark.parametrize("uri", ["postgresql://mlflow:mlflow@db:5432/x", "mysql://me:mlflow@db/mlflow?ssl=on"])
def test_a_password_that_is_the_users_or_databases_name_changes_no_other_text(uri: str) -> None:
    text = "MLFLOW_TRACKING_URI is set: /data/mlflow/mlflow.db and mlflow stay"
    assert masked(text, {"MLFLOW_TRACKING_URI": uri}) == text
    assert ":mlflow@" not in masked(f"{uri} is down", {"MLFLOW_TRACKING_URI": uri})


def test_a_password_that_is_an_ordinary_word_is_masked_as_a_whole_word_alone() -> None:
    environment = {"MLFLOW_TRACKING_URI": "http://me:warehouse@host"}
    text = "warehouses in data_warehouse: 'warehouse' was refused"
    assert masked(text, environment) == "warehouses in data_warehouse: '***' was refused"


def test_what_is_no_secret_of_the_environment_or_too_short_to_be_told_from_a_word_stays() -> None:
    environment = {
        "PWD": "/home/of/me",
        "OLDPWD": "/home/of/us",
        "GOOGLE_CREDENTIALS": "/etc/key.json",
        "A_TOKEN": "reco",
    }
    text = "reco train in /home/of/me and /home/of/us with /etc/key.json"
    assert masked(text, environment) == text


@given(
    password=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="'\"<>"), min_size=8),
    around=st.sampled_from(["{}", "at {}: refused", "['{}']", '{{"uri": "{}"}}']),
)
def test_no_password_of_a_url_is_left_whatever_its_characters(password: str, around: str) -> None:
    text = around.format(f"postgresql://me:{password}@db/x")
    assert password not in masked(text, {})


def test_an_error_of_the_platform_shows_no_secret() -> None:
    assert str(RecoError("http://me:hunter2@host is down")) == "http://me:***@host is down"


def test_settings_that_are_printed_show_no_secret() -> None:
    settings = load_settings(
        mlflow_tracking_uri="http://me:hunter2@host",
        spark_remote="sc://host/;token=hunter2",
        slack_api_url="https://hooks.slack.com/services/hunter2",
        slack_bot_token="xoxb-hunter2",
    )
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()}"
    assert "hunter2" not in settings.model_dump_json()


def test_a_setting_that_is_refused_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECO_SOURCE", "http://me:hunter2@host")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert "hunter2" not in str(raised.value)
    assert "RECO_SOURCE='http://me:***@host' is not allowed" in str(raised.value)
