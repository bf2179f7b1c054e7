"""Requests on the edge: whatever answers them, or does not, is told as a fact, and soon."""

import dataclasses
import http.server
import threading

import pytest
from botocore.credentials import Credentials

from sandbox.ses.switches import Fault, Switches
from tests.acceptance import targets
from tests.acceptance.direct import world
from tests.acceptance.lab import RAW_TRIES, SECONDS_PER_CALL, Lab
from tests.acceptance.observing import UNKNOWN
from tests.acceptance.prober import run_rounds
from tests.acceptance.targets import send_raw
from tests.acceptance.texts import RAW, forms, gaps, texts

CODE = "0a1b2c3d"
REQUEST = RAW["not JSON"]


class Server(http.server.ThreadingHTTPServer):
    """Answers each request with *answer*; without one it keeps the connection open, and silent."""

    answer = b""
    requests = 0

    def finish_request(self, request, client_address):
        self.requests += 1
        request.recv(65536)
        if self.answer:
            request.sendall(self.answer)
        else:
            closed.wait(60)


closed = threading.Event()


@pytest.fixture
def server():
    closed.clear()
    with Server(("127.0.0.1", 0), None) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield opened
        closed.set()
        opened.shutdown()
        thread.join()


def answer(status, body, more=""):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}".encode()


def said_by(server):
    """What is told of the answer to a request of a run whose ordinary calls are answered."""
    credentials = Credentials("a", "b")
    host, port = server.server_address
    with world(Switches()) as outside:
        raw = lambda *request: send_raw(f"http://{host}:{port}", credentials, "eu-west-1", *request)  # noqa: E731
        lab = Lab(dataclasses.replace(outside, raw=raw), CODE)
        return lab.raw("not JSON", REQUEST), outside


@pytest.mark.parametrize(
    ("answered", "told"),
    [
        (answer("200 OK", "{}"), "200"),
        (answer("400 Bad", '{"message": null}', "x-amzn-ErrorType: A:b\r\n"), "400 A: None"),
        (answer("400 Bad", '{"Message": "no"}'), "400 : no"),
        (answer("400 Bad", ""), "400 : None"),
        (answer("502 Bad", "<html>"), "502 : not a JSON object: b'<html>'"),
        (answer("400 Bad", "[1]"), "400 : not a JSON object: b'[1]'"),
        (b"\x00\r\n\r\n", "no answer: BadStatusLine"),
    ],
    ids=["200", "null", "upper case", "empty", "a web page", "a list", "not HTTP"],
)
def test_answers(server, answered, told):
    """An answer of any shape is a fact."""
    server.answer = answered
    assert said_by(server)[0] == told


def test_redirect(server):
    """A redirect is an answer, and not followed: the headers hold the signature and the session token."""
    host, port = server.server_address
    server.answer = answer("302 Found", "", f"Location: http://{host}:{port}/elsewhere\r\n")
    assert said_by(server)[0] == "302 : None"
    assert server.requests == 1


def test_no_answer(server, monkeypatch):
    """A request that has no answer, although others have one, is given up after some attempts."""
    monkeypatch.setattr(targets, "RAW_SECONDS", 0.05)
    told, outside = said_by(server)
    assert told == "no answer: TimeoutError"
    assert server.requests == RAW_TRIES
    assert outside.now() < 60


def test_no_network():
    """While nothing has an answer it waits, and asks again then."""
    with world(Switches()) as outside:
        asked = []

        def raw(*_):
            asked.append(outside.now())
            if len(asked) == 1:
                raise ConnectionResetError
            return "400 x: y"

        outside.ses.model.inject(Fault("drop", times=6))
        assert Lab(dataclasses.replace(outside, raw=raw), CODE).raw("not JSON", REQUEST) == "400 x: y"
    assert asked[1] - asked[0] > 30


def test_throttled():
    """What SES throttles is asked again: a 429 says nothing of the request."""
    with world(Switches()) as outside:
        said, asked = ["429 : Rate exceeded", "400 x: y"], []

        def raw(*_):
            asked.append(outside.now())
            return said.pop(0)

        lab = Lab(dataclasses.replace(outside, raw=raw), CODE)
        lab.get("a.lab.example")
        assert lab.raw("not JSON", REQUEST) == "400 x: y"
    assert asked[0] >= SECONDS_PER_CALL
    assert asked[1] - asked[0] > 1.9 * SECONDS_PER_CALL


def found_by(probe, outside):
    found = {}
    return run_rounds(Lab(outside, CODE), [[probe]], lambda _: None, found.update), found


def test_all_are_asked():
    """Each request signed by hand has its line."""
    with world(Switches()) as outside:
        outside.raw = lambda *_: "400 x: y"
        nothing, found = found_by(texts, outside)
    assert nothing == []
    assert dict.fromkeys(RAW, "400 x: y").items() <= found.items()


def test_forms_of_a_key_that_nobody_checks():
    """Without a control that is verified, no form of key or record is called not verified."""
    with world(Switches(first_check_seconds=10**7)) as outside:
        nothing, found = found_by(forms, outside)
    assert nothing == []
    assert set(found.values()) == {"taken; SES verified nothing in that time"}


def test_gaps_with_a_gap():
    """Checks of a time that nobody observed are not made up."""
    with world(Switches()) as outside:
        wait, slept = outside.wait, []

        def and_then(pause):
            wait(pause)
            if outside.now() > 3000 and not slept:
                slept.append(wait(3600))

        nothing, found = found_by(gaps, dataclasses.replace(outside, wait=and_then))
        assert (nothing, list(found)) == (["gaps"], ["not known: gaps"])
        told = "at most [10, 20, 40, 60, 60]; one within 5 min before another is not seen"
        assert found_by(gaps, outside)[1] == {"minutes between checks": told}


def test_gaps_shorter_than_between_reads():
    """Checks that come faster than the reads are not called the next one to each other."""
    with world(Switches(first_check_seconds=1)) as outside:
        told = found_by(gaps, outside)[1]["minutes between checks"]
    assert told.startswith("at most [")


def test_gaps_of_which_nothing_is_seen():
    """Where SES does not show when it checks, nothing is said of it."""
    with world(Switches(verification_info="empty")) as outside:
        assert found_by(gaps, outside)[1] == {"minutes between checks": UNKNOWN}
