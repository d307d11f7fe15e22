"""The ways by which a message goes: addresses as they are written in `PIPELINE_TELL`, and sending.

What belongs here: e-mail by SMTP, a webhook by HTTP. What does not: what is said, and when.

An address is a secret: it holds a password, or is one itself as those of chat programs are. Nothing here names more of it than the host.
"""

from __future__ import annotations

import base64
import json
import smtplib
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from http.client import HTTPException, InvalidURL
from typing import Any, Protocol, TypeVar
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

from pipeline.settings import TELL_VARIABLE
from pipeline.telling.message import Message

_SECONDS = 10.0
_WITHIN = 30.0
_T = TypeVar("_T")
_PORTS = {"smtp": 587, "smtps": 465}
_SHAPES = (
    "Write smtp://user:password@host:587/?from=a@b.example&to=c@d.example for e-mail, or the https:// address of a webhook; "
    "several are parted by blanks."
)


class BadAddress(ValueError):
    """An address that cannot be used; the text says which one and why, and holds nothing of it."""


class NotSent(Exception):
    """A message that did not go; the text says why, and is fit to be shown."""


class Way(Protocol):
    """One address."""

    @property
    def name(self) -> str:
        """What it is called where people see it."""

    def send(self, message: Message) -> None:
        """Send; raises NotSent."""


@dataclass(frozen=True)
class Mail:
    """E-mail.

    Attributes:
        host: of the SMTP server.
        port: of it.
        sender: the address that it is from.
        recipients: the addresses that it goes to.
        user: to log in with; None: no login.
        password: of the user.
        tls: `direct` (from the first byte), `on` (STARTTLS, with a certificate that is valid), `auto` (STARTTLS where the server has it,
            whatever its certificate), `off`.
        within: seconds that sending takes at most.
    """

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    user: str | None = None
    password: str = field(default="", repr=False)
    tls: str = "auto"
    within: float = _WITHIN

    @property
    def name(self) -> str:
        """Host and recipients."""
        return f"mail to {', '.join(self.recipients)} by {self.host}:{self.port}"

    def send(self, message: Message) -> None:
        """Send; raises NotSent where the server cannot be reached, or takes it for none of the recipients."""
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = message.title, self.sender, ", ".join(self.recipients)
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=self.sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content("\n".join(message.lines) + "\n")
        try:
            refused = _in_time(lambda: self._sent(mail), self.within)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise NotSent(f"{self.name}: {_reason(error)}") from error
        if refused:
            raise NotSent(f"{self.name}: the server refused {', '.join(refused)}")

    def _sent(self, mail: EmailMessage) -> list[str]:
        """Those that the server refused."""
        with self._connected() as server:
            return list(server.send_message(mail, self.sender, self.recipients))

    def _connected(self) -> smtplib.SMTP:
        if self.tls == "direct":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=_SECONDS)
        try:
            self._secure(server)
            if self.user is not None:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def _secure(self, server: smtplib.SMTP) -> None:
        server.ehlo()
        if self.tls == "on" or (self.tls == "auto" and server.has_extn("starttls")):
            context = ssl.create_default_context()
            if self.tls == "auto":
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            server.starttls(context=context)


@dataclass(frozen=True)
class Webhook:
    """An HTTP address that takes JSON by POST: `text` as Slack, Mattermost and others read it, and all facts beside it.

    Attributes:
        url: where to.
        authorization: value of that header; None: none.
        within: seconds that sending takes at most.
    """

    url: str = field(repr=False)
    authorization: str | None = field(default=None, repr=False)
    within: float = _WITHIN

    @property
    def name(self) -> str:
        """Its host: the rest of a webhook's address is a secret."""
        return f"webhook at {urlsplit(self.url).netloc}"

    def send(self, message: Message) -> None:
        """Send; raises NotSent where there is no answer, or one that is not of 200 to 299."""
        text = "\n".join([message.title, *message.lines])
        for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(character, entity)  # else a file's name could call a channel together
        body = json.dumps({"text": text} | message.facts).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "windrow"}
        if self.authorization is not None:
            headers["Authorization"] = self.authorization
        request = urllib.request.Request(self.url, body, headers, method="POST")
        try:
            _in_time(lambda: _posted(request), self.within)
        except urllib.error.HTTPError as error:
            error.close()
            raise NotSent(f"{self.name}: it answered {error.code} {error.reason}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise NotSent(f"{self.name}: {_reason(error)}") from error


def _posted(request: urllib.request.Request) -> None:
    with urllib.request.build_opener(_Stay).open(request, timeout=_SECONDS):
        pass


def _in_time(work: Callable[[], _T], seconds: float) -> _T:
    """What `work` gives, or raises; TimeoutError where it takes longer.

    A socket's own timeout begins anew with each byte, and looking a name up has none: a server that answers a byte at a time would hold
    up for ever what is told about. The thread that still waits for it ends with the process.
    """
    done: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again below, by whoever waits
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError(f"no full answer within {seconds:g} seconds")
    return done[0]


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: what was posted would be asked for there, and is not to go to whom the address does not name."""

    def redirect_request(self, *args: Any, **named: Any) -> None:
        return None


def ways_of(addresses: str) -> list[Way]:
    """The ways that are configured.

    Args:
        addresses: as in the setting: URLs parted by white space.

    Raises:
        BadAddress: one is none.
    """
    return [_way(address, number) for number, address in enumerate(addresses.split(), 1)]


def _way(address: str, number: int) -> Way:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise _bad(number, "is no URL") from None
    if parts.scheme not in (*_PORTS, "http", "https"):
        raise _bad(number, "begins with none of smtp://, smtps://, https://, http://")
    if not parts.hostname:
        raise _bad(number, "names no host")
    if not address.isprintable():
        raise _bad(number, "holds control characters, or others that cannot be seen")
    if parts.scheme in _PORTS:
        return _mail(parts, port, number)
    if not (parts.path + parts.query).isascii():
        raise _bad(number, "has characters beyond ASCII in its path, which are to be percent-encoded")
    if parts.username is None:
        return Webhook(address)
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return Webhook(bare, f"Basic {base64.b64encode(login).decode()}")


def _mail(parts: SplitResult, port: int | None, number: int) -> Mail:
    if "?" in parts.query:
        raise _bad(number, "has more than one '?': in a user or password it is percent-encoded, as %3F")
    said = parse_qs(parts.query)
    unknown = sorted(said.keys() - {"from", "to", "tls"})
    if unknown or parts.path not in ("", "/"):
        raise _bad(number, f"says {', '.join(unknown) or 'a path'}, and e-mail knows from, to and tls")
    recipients = tuple(one.strip() for given in said.get("to", []) for one in given.split(",") if one.strip())
    sender = said.get("from", recipients)[:1]
    if not recipients or not all(_is_address(one) for one in (*recipients, *sender)):
        raise _bad(number, "names nobody as ?to=name@host.example, or names one wrongly there or in from=")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user + password).isascii():
        raise _bad(
            number,
            "has a user or password with characters beyond ASCII, with which no mail server is logged in to",
        )
    tls = said.get("tls", ["on" if parts.username else "auto"])[-1]
    if tls not in ("on", "auto", "off"):
        raise _bad(number, "has another tls= than on, auto or off")
    return Mail(
        host=parts.hostname or "",
        port=port or _PORTS[parts.scheme],
        sender=sender[0],
        recipients=recipients,
        user=None if parts.username is None else user,
        password=password,
        tls="direct" if parts.scheme == "smtps" else tls,
    )


def _is_address(text: str) -> bool:
    name, _, host = text.rpartition("@")
    return bool(name and host) and text.isascii() and text.isprintable() and not set(text) & set(' <>,;:"()')


def _bad(number: int, what: str) -> BadAddress:
    return BadAddress(f"{TELL_VARIABLE}: address {number} {what}. {_SHAPES}")


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers: Sequence[Any] = [
            f"{who}: {code} {_decoded(said)}" for who, (code, said) in error.recipients.items()
        ]
        return f"the server refused {'; '.join(answers)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the server answered {error.smtp_code} {_decoded(error.smtp_error)}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    if isinstance(error, InvalidURL) or (isinstance(error, ValueError) and not isinstance(error, OSError)):
        return "its address cannot be used as it is written"  # the error quotes it
    return str(error) or type(error).__name__


def _decoded(said: bytes | str) -> str:
    return said if isinstance(said, str) else said.decode(errors="replace")
