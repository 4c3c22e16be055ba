"""Mail, by a local server that stands in for one: what is sent, and what happens when it is away."""

import time
from typing import Any

import pytest

from resources.calls.mail import Mailer, Server, deliver, mail_of
from resources.settings import load_settings


def mailer(mail_server: Any, **settings: Any) -> Mailer:
    return Mailer(load_settings(**(mail_server.settings | settings)), timeout_seconds=0.5)


def test_a_mail_goes_to_every_recipient_from_the_sender_with_its_text(mail_server: Any) -> None:
    to = mailer(mail_server, alert_email_from="reco@example.com", alert_email_to="a@example.com, b@example.com")
    assert to.send("Failed: a job", "because\nof this\n", "run.7")
    (mail,) = mail_server.mails
    assert (mail["From"], mail["To"], mail["Subject"]) == (
        "reco@example.com",
        "a@example.com, b@example.com",
        "Failed: a job",
    )
    assert mail.get_content().splitlines() == ["because", "of this"]
    assert mail_server.recipients == ["a@example.com", "b@example.com"]


def test_a_mail_says_that_nobody_should_answer_it_and_which_one_it_is(mail_server: Any) -> None:
    mailer(mail_server).send("subject", "text", "run.7")
    (mail,) = mail_server.mails
    assert (mail["Auto-Submitted"], mail["Message-ID"]) == ("auto-generated", "<run.7@reco-assets>")


def test_a_subject_of_several_lines_becomes_one_and_adds_no_header(mail_server: Any) -> None:
    mailer(mail_server).send("Failed\r\nBcc: eve@example.com", "text", "run.7")
    (mail,) = mail_server.mails
    assert mail["Subject"] == "Failed Bcc: eve@example.com"
    assert mail["Bcc"] is None


def test_a_user_logs_in(mail_server: Any) -> None:
    assert mailer(mail_server, smtp_user="me", smtp_password="open sesame").send("subject", "text", "run.7")
    assert mail_server.logins == ["open sesame"]


def test_nothing_is_sent_without_a_host() -> None:
    unconfigured = Mailer(load_settings())
    assert not unconfigured.active
    assert not unconfigured.send("subject", "text", "run.7")


def test_a_server_that_is_down_is_warned_of_and_nothing_is_raised(mail_server: Any) -> None:
    mail_server.stop()
    with pytest.warns(UserWarning, match="did not take an alert"):
        assert not mailer(mail_server).send("subject", "text", "run.7")


def test_a_server_that_hangs_is_given_up_after_the_timeout(mail_server: Any) -> None:
    mail_server.hang()
    begin = time.monotonic()
    with pytest.warns(UserWarning, match="no answer within 0.5 s"):
        assert not mailer(mail_server).send("subject", "text", "run.7")
    assert time.monotonic() - begin < 3


def test_a_mail_that_was_taken_counts_as_sent_however_the_server_says_goodbye(mail_server: Any) -> None:
    mail_server.goodbye = "421 too busy"
    assert mailer(mail_server).send("subject", "text", "run.7")


def test_one_refused_recipient_does_not_keep_the_mail_from_the_others(mail_server: Any) -> None:
    mail_server.recipients_refused = frozenset({"gone@example.com"})
    assert mailer(mail_server, alert_email_to="gone@example.com,b@example.com").send("subject", "text", "run.7")
    assert len(mail_server.mails) == 1


def test_without_tls_where_it_is_asked_for_no_password_is_sent(mail_server: Any) -> None:
    to = mailer(mail_server, smtp_starttls="on", smtp_user="me", smtp_password="open sesame")
    with pytest.warns(UserWarning, match="STARTTLS"):
        assert not to.send("subject", "text", "run.7")
    assert mail_server.logins == []


def test_no_password_goes_in_clear_to_another_machine(mail_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.calls.mail.LOOPBACK", ())
    server = Server("127.0.0.1", mail_server.port, starttls=False, user="me", password="open sesame")
    with pytest.raises(ValueError, match="SMTP_STARTTLS=on"):
        deliver(server, mail_of("a@b.c", ["d@e.f"], "subject", "text", "run.7"), ["d@e.f"])
    assert mail_server.logins == []


def test_a_warning_does_not_show_the_password(mail_server: Any) -> None:
    mail_server.answer = "550 who is open sesame"
    with pytest.warns(UserWarning, match="did not take an alert") as caught:
        mailer(mail_server, smtp_user="me", smtp_password="open sesame").send("subject", "text", "run.7")
    assert "sesame" not in str(caught[0].message)
