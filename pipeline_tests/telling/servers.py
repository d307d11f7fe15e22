"""A mail server and a web server of this machine's own, that remember what they were sent."""

from __future__ import annotations

import base64
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_PEM = Path(__file__).with_name("server.pem")
"""A key and a certificate of localhost that nobody has signed."""


@dataclass
class MailServer:
    """What a mail server was sent, and how it answers."""

    port: int = 0
    tls: bool = False
    login: tuple[str, str] | None = None
    refuses: tuple[str, ...] = ()
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    """The port of a server that answers in a thread of its own, for as long as the block lasts."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    """SMTP on a free port, for as long as the block lasts."""
    state = MailServer(**options)

    class Handler(socketserver.StreamRequestHandler):
        timeout = 5

        def handle(self) -> None:
            _talk(state, self)

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as state.port:
        yield state


def _talk(state: MailServer, handler: socketserver.StreamRequestHandler) -> None:
    wires: list[Any] = [handler.rfile, handler.wfile]
    encrypted, known, to = False, state.login is None, []

    def say(line: str) -> None:
        wires[1].write(f"{line}\r\n".encode())
        wires[1].flush()

    say("220 local")
    while line := wires[0].readline():
        word, _, rest = line.decode().strip().partition(" ")
        match word.upper():
            case "EHLO":
                offers = ["local", *(["STARTTLS"] if state.tls and not encrypted else []), "AUTH PLAIN"]
                for number, offer in enumerate(offers):
                    say(f"250{' ' if number == len(offers) - 1 else '-'}{offer}")
            case "STARTTLS":
                say("220 go on")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(_PEM)
                try:
                    secure = context.wrap_socket(handler.connection, server_side=True)
                except (ssl.SSLError, OSError):
                    return
                wires[:] = [secure.makefile("rb"), secure.makefile("wb")]
                encrypted = True
            case "AUTH":
                _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
                known = (user, password) == state.login
                say("235 welcome" if known else f"535 {user} is not known")
            case "MAIL":
                say("250 fine" if known else "530 log in")
            case "RCPT":
                address = rest.partition("<")[2].partition(">")[0]
                if address in state.refuses:
                    say("550 nobody of that name")
                else:
                    to.append(address)
                    say("250 fine")
            case "DATA":
                say("354 go on")
                lines = []
                while (part := wires[0].readline()) not in (b".\r\n", b""):
                    lines.append(part[1:] if part.startswith(b"..") else part)
                mail = message_from_bytes(b"".join(lines), policy=policy.default)
                state.mails.append(mail)  # type: ignore[arg-type]
                state.recipients.append(list(to))
                state.encrypted.append(encrypted)
                say("250 kept")
            case "QUIT":
                say("221 bye")
                return
            case _:
                say("250 fine")


@dataclass
class WebServer:
    """What a web server was posted, and with which status it answers."""

    port: int = 0
    status: int = 200
    location: str = ""
    posted: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def web_server(**options: Any) -> Iterator[WebServer]:
    """HTTP on a free port, for as long as the block lasts."""
    state = WebServer(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked.append(f"POST {self.path}")
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            state.posted.append(json.loads(body))
            self.send_response(state.status)
            if state.location:
                self.send_header("Location", state.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            state.asked.append(f"GET {self.path}")
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as state.port:
        yield state
