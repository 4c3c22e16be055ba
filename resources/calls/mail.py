"""E-mail as a listener: it gets the failures when a mail server is set.

The platform never depends on it: a server that is away or refuses is a warning within seconds. Mail is sent from a
process beside this one, which ends when the server does not answer in time.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage

from resources.calls.outside import OutsideError, shared_process
from resources.loopback import LOOPBACK
from resources.settings import Settings
from resources.text.masking import MASK, masked


@dataclass(frozen=True)
class Server:
    """A mail server, and who may send through it."""

    host: str
    port: int
    starttls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Mailer:
    """The server, the sender and the recipients that the settings name."""

    settings: Settings
    timeout_seconds: float = 10.0

    @property
    def active(self) -> bool:
        """Whether a server is set."""
        return self.settings.mail.host is not None

    def send(self, subject: str, text: str, identity: str) -> bool:
        """Send one mail; True when the server took it, False (with a warning) when it did not.

        Args:
            subject: One line.
            text: Plain text.
            identity: Letters, digits and dots: two mails of one identity are the same to mail programs, which show one.
        """
        mail = self.settings.mail
        if mail.host is None:
            return False
        recipients = [name.strip() for name in mail.recipients.split(",") if name.strip()]
        message = mail_of(mail.sender, recipients, subject, text, identity)
        password = mail.password.get_secret_value() if mail.password else None
        server = Server(mail.host, mail.port, mail.starttls == "on", mail.user, password)
        try:
            shared_process("mail").call(
                "resources.calls.mail:deliver", server, message, recipients, seconds=self.timeout_seconds
            )
        except OutsideError as error:  # a listener that breaks must not break what it listens to
            reason = " ".join(str(error).split())[:300]
            reason = reason.replace(password, MASK) if password else reason
            warnings.warn(
                masked(f"The mail server {mail.host}:{mail.port} did not take an alert: {reason}"), stacklevel=2
            )
            return False
        return True


def mail_of(sender: str, recipients: Sequence[str], subject: str, text: str, identity: str) -> EmailMessage:
    """The mail with its headers."""
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(recipients)
    message["Subject"] = " ".join(subject.split())
    message["Message-ID"] = f"<{identity}@reco-assets>"
    message["Auto-Submitted"] = "auto-generated"  # so that nobody's absence is answered to it (RFC 3834)
    message.set_content(text)
    return message


def deliver(server: Server, message: EmailMessage, recipients: Sequence[str]) -> None:
    """Hand a mail to a server. Raises what smtplib raises; where only some recipients were refused, nothing.

    Raises `ValueError` where a password would go in clear to another machine.
    """
    import smtplib
    import ssl

    client = smtplib.SMTP(server.host, server.port)
    try:
        if server.starttls:
            client.starttls(context=ssl.create_default_context())
        if server.user:
            if not (server.starttls or server.host in LOOPBACK):
                raise ValueError("a password is not sent in clear: set SMTP_STARTTLS=on")
            client.login(server.user, server.password or "")
        client.send_message(message, to_addrs=list(recipients))
    finally:
        client.close()  # a farewell that goes wrong would make a mail that was taken be sent again
