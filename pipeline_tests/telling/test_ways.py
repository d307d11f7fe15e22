"""E-mail and webhooks, sent to servers of this machine; addresses that are wrong, and what of them is shown."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from pipeline.telling.message import Event, compose
from pipeline.telling.ways import BadAddress, Mail, NotSent, Webhook, ways_of
from pipeline_tests.telling.servers import mail_server, web_server

EVENT = Event(
    "quarantined",
    "orders/ä <b> & \ud800\n.csv",
    "the header\x1b[31m names no column",
    "Mend it.",
    "orders",
    "/q/x.csv",
)


def _message(count: int = 1):  # type: ignore[no-untyped-def]
    from pathlib import Path

    return compose([EVENT] * count, Path("/home/data"))


def test_a_mail_arrives_as_it_was_meant() -> None:
    with mail_server() as server:
        (way,) = ways_of(
            f"smtp://127.0.0.1:{server.port}/?from=windrow@example.org&to=ann@example.org,bob@example.org"
        )
        way.send(_message())
    (mail,) = server.mails
    assert server.recipients == [["ann@example.org", "bob@example.org"]]
    assert mail["Subject"] == "Windrow: 1 file is quarantined"
    assert (mail["From"], mail["To"]) == ("windrow@example.org", "ann@example.org, bob@example.org")
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content().replace("\r\n", "\n")
    assert (
        "• quarantined: orders/ä <b> & %ED%A0%80 .csv: the header%1B[31m names no column\n  Mend it.\n  /q/x.csv\n"
        in text
    )


@pytest.mark.parametrize(
    ("query", "offers", "encrypted"),
    [("", True, True), ("", False, False), ("&tls=off", True, False), ("&tls=auto", True, True)],
)
def test_mail_is_encrypted_where_the_server_does_it(query: str, offers: bool, encrypted: bool) -> None:
    with mail_server(tls=offers) as server:
        (way,) = ways_of(f"smtp://127.0.0.1:{server.port}/?to=ann@example.org{query}")
        way.send(_message())
    assert server.encrypted == [encrypted]


def test_a_password_goes_over_no_wire_whose_other_end_is_not_sure() -> None:
    """Nobody vouches for this server's certificate, and the other one has none."""
    for offers in (True, False):
        with mail_server(tls=offers, login=("ann", "p@ss word")) as server:
            (way,) = ways_of(f"smtp://ann:p%40ss%20word@127.0.0.1:{server.port}/?to=ann@example.org")
            with pytest.raises(NotSent) as error:
                way.send(_message())
        assert server.mails == []
        assert "p@ss" not in str(error.value) and "%40" not in str(error.value) + repr(way)


def test_a_login_where_encryption_is_given_up() -> None:
    with mail_server(login=("ann", "p@ss word")) as server:
        (way,) = ways_of(f"smtp://ann:p%40ss%20word@127.0.0.1:{server.port}/?to=ann@example.org&tls=off")
        way.send(_message())
        assert len(server.mails) == 1
        (way,) = ways_of(f"smtp://ann:wrong@127.0.0.1:{server.port}/?to=ann@example.org&tls=off")
        with pytest.raises(NotSent, match="the server answered 535 ann is not known"):
            way.send(_message())


def test_recipients_that_a_server_refuses_are_told() -> None:
    with mail_server(refuses=("bob@example.org",)) as server:
        (way,) = ways_of(f"smtp://127.0.0.1:{server.port}/?to=bob@example.org")
        with pytest.raises(NotSent, match=r"refused bob@example\.org: 550 nobody of that name"):
            way.send(_message())


def test_a_webhook_gets_text_as_slack_reads_it_and_the_facts() -> None:
    with web_server() as server:
        (way,) = ways_of(f"http://127.0.0.1:{server.port}/services/T0/secret?a=1")
        way.send(_message(200))
    (posted,) = server.posted
    assert server.asked == ["POST /services/T0/secret?a=1"]
    assert server.headers[0]["content-type"] == "application/json"
    assert posted["text"].startswith(
        "Windrow: 200 files are quarantined\n• quarantined: orders/ä &lt;b&gt; &amp; "
    )
    assert posted["text"].count("•") == 20 and "… and 180 more" in posted["text"]
    assert posted["counts"]["quarantined"] == 200 and len(posted["events"]) == 100
    assert posted["events"][0] == {
        "kind": "quarantined", "what": "orders/ä <b> & %ED%A0%80 .csv", "why": "the header%1B[31m names no column",
        "remedy": "Mend it.", "dataset": "orders", "path": "/q/x.csv",
    }  # fmt: skip


def test_a_webhook_with_a_login() -> None:
    with web_server() as server:
        (way,) = ways_of(f"http://ann:p%40ss@127.0.0.1:{server.port}/hook")
        way.send(_message())
    assert server.headers[0]["authorization"] == "Basic YW5uOnBAc3M="
    assert "ann" not in server.headers[0]["host"] + way.name + repr(way)


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_a_webhook_that_answers_otherwise_has_taken_nothing(status: int) -> None:
    with web_server(status=status, location="/elsewhere") as server:
        (way,) = ways_of(f"http://127.0.0.1:{server.port}/services/secret")
        with pytest.raises(
            NotSent, match=f"webhook at 127.0.0.1:{server.port}: it answered {status}"
        ) as error:
            way.send(_message())
    assert server.asked == ["POST /services/secret"]
    assert "secret" not in str(error.value)


def test_nobody_there() -> None:
    with web_server() as server:
        pass
    for address in (
        f"http://127.0.0.1:{server.port}/secret",
        f"smtp://127.0.0.1:{server.port}/?to=a@example.org",
    ):
        (way,) = ways_of(address)
        with pytest.raises(NotSent, match=f"127.0.0.1:{server.port}: .*refused") as error:
            way.send(_message())
        assert "secret" not in str(error.value)


def _greets(client: socket.socket) -> None:
    client.sendall(b"220-welcome\r\n")


def _header(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("address", "begin"),
    [
        ("smtp://127.0.0.1:{port}/?to=a@example.org", _greets),
        ("http://127.0.0.1:{port}/services/secret", _header),
        ("http://u:secret@127.0.0.1:{port}/", _header),
    ],
)
def test_a_server_that_answers_a_byte_at_a_time_is_given_up(
    address: str, begin: Callable[[socket.socket], None]
) -> None:
    given_up = threading.Event()

    def answer(client: socket.socket) -> None:
        with suppress(OSError), client:
            begin(client)
            while not given_up.wait(0.02):
                client.sendall(b"2")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: answer(server.accept()[0]))
        thread.start()
        (way,) = ways_of(address.format(port=server.getsockname()[1]))
        with pytest.raises(NotSent, match=r"no full answer within 0\.3 seconds") as error:
            replace(way, within=0.3).send(_message())  # type: ignore[type-var]
        given_up.set()
        thread.join()
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/secret\x01", "http://127.0.0.1:1/secretä", "http://a..b/secret"]
)
def test_an_error_that_quotes_the_address_is_not_shown(url: str) -> None:
    with pytest.raises(NotSent, match="cannot be used as it is written") as error:
        Webhook(url).send(_message())
    assert "secret" not in str(error.value)


def test_several_addresses_and_what_follows_from_them() -> None:
    mail, direct, hook = ways_of(
        "smtp://u:p@mail.example/?to=a@example.org\n smtps://mail.example?to=a@example.org&from=b@example.org https://chat.example/x"
    )
    assert mail == Mail("mail.example", 587, "a@example.org", ("a@example.org",), "u", "p", "on")
    assert direct == Mail("mail.example", 465, "b@example.org", ("a@example.org",), tls="direct")
    assert hook == Webhook("https://chat.example/x")
    assert hook.name == "webhook at chat.example"
    assert ways_of(" ") == []


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://chat.example/x file:///etc/secret", "address 2 begins with none of"),
        ("https:///secret", "names no host"),
        ("https://chat.example:secret/", "is no URL"),
        ("smtp://u:secret@mail.example/", "names nobody as"),
        ("smtp://mail.example/?to=secret", "names one wrongly"),
        ("smtp://mail.example/?to=a@example.org&from=secret%0d%0aBcc:x@y", "names one wrongly"),
        ("smtp://mail.example/?to=a@example.org&tls=secret", "has another tls="),
        ("smtp://mail.example/secret?to=a@example.org", "says a path"),
        ("smtp://mail.example/?to=a@example.org&ssl=1", "says ssl"),
        ("smtp://u:1?secret=1@mail.example/?to=a@example.org", "more than one '?'"),
        ("smtp://u:secret%C3%A4@mail.example/?to=a@example.org", "characters beyond ASCII"),
        ("smtps://secretä:p@mail.example/?to=a@example.org", "characters beyond ASCII"),
        ("https://chat.example/secret\x01", "control characters"),
        ("smtp://u:secret\x7f@mail.example/?to=a@example.org", "control characters"),
        ("https://chat.example/secretä", "percent-encoded"),
        ("secret", "begins with none of"),
    ],
)
def test_addresses_that_are_wrong_are_told_without_what_is_in_them(address: str, said: str) -> None:
    with pytest.raises(BadAddress) as error:
        ways_of(address)
    assert said in str(error.value) and "PIPELINE_TELL" in str(error.value)
    assert "secret" not in str(error.value).replace("https://", "")
