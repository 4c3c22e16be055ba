"""A mail server on the loopback address: it keeps what it is given, and can be away, refuse or hang."""

import base64
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest


@dataclass
class MailServer:
    """`answer` is its reply to a whole mail, `goodbye` to QUIT; `logins` are the passwords that clients gave."""

    answer: str = "250 taken"
    goodbye: str = "221 bye"
    recipients_refused: frozenset[str] = frozenset()
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        mail = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                mail.free.wait()
                self.say("220 here")
                while line := self.rfile.readline().decode().strip():
                    self.say(self.answer_to(line))

            def answer_to(self, line: str) -> str:
                verb, _, rest = line.partition(" ")
                match verb.upper():
                    case "EHLO":
                        return "250-here\r\n250 AUTH PLAIN"
                    case "AUTH":
                        mail.logins.append(base64.b64decode(rest.split()[-1]).decode().rpartition("\0")[2])
                        return "235 ok"
                    case "RCPT":
                        address = rest.partition("<")[2].rstrip(">")
                        mail.recipients.append(address)
                        return "550 unknown" if address in mail.recipients_refused else "250 ok"
                    case "DATA":
                        self.say("354 go on")
                        content = b"".join(iter(self.rfile.readline, b".\r\n"))
                        if mail.answer.startswith("250"):
                            mail.mails.append(message_from_bytes(content, policy=policy.default))
                        return mail.answer
                    case "QUIT":
                        return mail.goodbye
                return "250 ok"

            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

        self.free.set()
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def settings(self) -> dict[str, object]:
        """What the platform must be told to send through it."""
        return {"smtp_host": "127.0.0.1", "smtp_port": self.port}

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]

    def hang(self) -> None:
        """Greet nobody from now on."""
        self.free.clear()

    def stop(self) -> None:
        self.free.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()
