"""The server of the page answers the page alone, and takes no more than it can hold."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import struct
import threading
import zlib

import numpy as np
import pytest
from commands_for_tests import run
from PIL import Image

pytest.importorskip("starlette", reason="needs starlette")
pytest.importorskip("uvicorn", reason="needs uvicorn")

from gaborkit_cli.explore import server
from gaborkit_cli.explore.desk import MOST_PICTURES, Desk


@pytest.fixture(scope="module")
def page():
    """(port, path) of a page that is served while the tests run."""
    import uvicorn

    addresses, ready, started = [], threading.Event(), []

    class Watched(uvicorn.Server):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            started.append(self)

        def capture_signals(self):  # of the main thread alone
            return contextlib.nullcontext()

    patch = pytest.MonkeyPatch()
    patch.setattr(server.uvicorn, "Server", Watched)
    thread = threading.Thread(
        target=server.serve, args=(Desk(), 0, lambda x: (addresses.append(x), ready.set()))
    )
    thread.start()
    assert ready.wait(10)
    _, _, where, token, _ = addresses[0].split("/")
    yield int(where.split(":")[1]), f"/{token}/"
    started[0].should_exit = True
    thread.join(10)
    patch.undo()
    assert not thread.is_alive()


def ask(page, path="", body=None, headers=(), *, root=None, host=None, method=None):
    """Status and JSON (or text) of a request."""
    port, token = page
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest(
        method or ("GET" if body is None else "POST"),
        (token if root is None else root) + path,
        skip_host=True,
    )
    connection.putheader("Host", host or f"127.0.0.1:{port}")
    for name, value in dict(headers).items():
        connection.putheader(name, value)
    if body is not None and "Content-Length" not in dict(headers):
        connection.putheader("Content-Length", str(len(body)))
    with contextlib.closing(connection):
        # A request that is too large may be answered, and no longer read, while it is sent.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.endheaders(body)
        response = connection.getresponse()
        content = response.read()
    kind = response.getheader("content-type", "")
    return response, json.loads(content) if "json" in kind else content.decode()


def test_the_page_and_what_it_loads_are_there(page):
    response, text = ask(page)
    assert response.status == 200
    for name in ("style.css", "page.js"):
        assert f"static/{name}" in text
        assert ask(page, f"static/{name}")[0].status == 200
    assert "//" not in text.replace("<!doctype", "")  # no address of another host
    policy = response.getheader("content-security-policy")
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert response.getheader("referrer-policy") == "no-referrer"


def test_a_tab_answers(page):
    response, answer = ask(page, "show/kernel", b'{"sigma": "3"}')
    assert response.status == 200
    assert "sigma=3" in answer["python"]
    assert "--sigma 3" in answer["command"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1"])
def test_another_name_of_this_host_is_refused(page, host):
    response, answer = ask(page, "tabs", host=host)
    assert response.status == 403
    assert "127.0.0.1 and localhost alone" in answer["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_origin_is_refused(page, headers):
    response, answer = ask(page, "show/kernel", b"{}", headers)
    assert (response.status, answer["error"]) == (403, "another site asks")
    assert response.getheader("access-control-allow-origin") is None


def test_this_origin_is_not(page):
    headers = {"Origin": f"http://127.0.0.1:{page[0]}", "Sec-Fetch-Site": "same-origin"}
    assert ask(page, "show/kernel", b"{}", headers)[0].status == 200


@pytest.mark.parametrize("root", ["/", "/wrong/", "//", "/%00/"])
def test_a_wrong_token_is_refused(page, root):
    response, answer = ask(page, "tabs", root=root)
    assert response.status == 403
    assert "lacks its token" in answer["error"]


@pytest.mark.parametrize(
    "path",
    [
        "static/../server.py",
        "static/..%2fserver.py",
        "static/%2e%2e/%2e%2e/main.py",
        "../../etc/passwd",
        "static//etc/passwd",
        "static/%2fetc%2fpasswd",
        "static/style.css/../../server.py",
        "static/style.css%00.js",
    ],
)
def test_no_path_leads_out(page, path):
    response, answer = ask(page, path)
    assert response.status in (403, 404)
    assert "import" not in str(answer)
    assert "root:" not in str(answer)


def declared(width, height):
    """A PNG whose header declares a size, and that holds next to nothing."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (declared(10**9, 10**9), "big.png: "),
        (declared(30_000, 30_000), "declares 900000000 pixels"),
        (b"no picture", "big.png: "),
        (b"", "big.png: "),
    ],
    ids=["huge", "large", "text", "empty"],
)
def test_a_hostile_picture_is_refused_in_a_line(page, content, message):
    response, answer = ask(page, "picture?name=big.png", content)
    assert response.status == 400
    assert message in answer["error"]
    assert "\n" not in answer["error"]


def test_an_upload_of_a_gigabyte_is_refused_before_it_is_sent(page):
    response, answer = ask(page, "picture?name=x", None, {"Content-Length": 2**30}, method="POST")
    assert response.status == 413
    assert "1073741824 bytes are more than the 67,108,864" in answer["error"]


def test_so_is_one_that_does_not_say_its_size(page, monkeypatch):
    monkeypatch.setattr(server, "LARGEST_PICTURE", 1000)
    port, token = page
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
        client.putrequest("POST", f"{token}picture")
        client.putheader("Transfer-Encoding", "chunked")
        # One byte too many and no end: the answer comes before there is one.
        client.endheaders(b"3e9\r\n" + bytes(1001) + b"\r\n")
        response = client.getresponse()
        assert response.status == 413
        assert "more than the 1,000" in json.loads(response.read())["error"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("show/kernel", b"[1]", 400),
        ("show/kernel", b'{"sigma": 3}', 400),
        ("show/kernel", b"\xff", 400),
        ("show/kernel", b"{" * 10_000, 400),
        ("show/kernel", b" " * (2**20 + 1), 413),
        ("show/none", b"{}", 404),
        ("show/kernel", None, 405),
        ("other", b"{}", 404),
    ],
)
def test_other_requests_that_make_no_sense(page, path, body, status):
    assert ask(page, path, body)[0].status == status


def test_the_server_goes_on_afterwards(page):
    assert ask(page, "tabs")[0].status == 200


def png(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def test_a_picture_that_is_handed_over_is_known_by_its_name(page):
    array = np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)
    response, answer = ask(page, "picture?name=C%3A%5Cmine%5Ca%20b.png", png(array))
    assert (response.status, answer) == (200, {"picture": "a b.png"})
    _, tabs = ask(page, "tabs")
    (control,) = [x for x in tabs["responses"]["controls"] if x["name"] == "picture"]
    assert control["options"][0] == "a b.png"
    response, answer = ask(page, "show/responses", b'{"picture": "a b.png"}')
    assert response.status == 200
    assert "gk.read_image('a b.png')" in answer["python"]
    assert "'a b.png'" in answer["command"]


def test_only_the_last_pictures_are_kept():
    desk = Desk()
    for k in range(MOST_PICTURES + 2):
        desk.hand_over(f"{k}.png", png(np.zeros((4, 4), np.uint8)))
    assert list(desk.handed) == [f"{k}.png" for k in range(2, MOST_PICTURES + 2)]


def test_the_address_is_of_this_machine_and_its_token_is_new_each_time(monkeypatch):
    addresses = []
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: None)
    for _ in range(2):
        server.serve(Desk(), 0, addresses.append)
    tokens = [address.split("/")[3] for address in addresses]
    assert all(address.startswith("http://127.0.0.1:") for address in addresses)
    assert tokens[0] != tokens[1]
    assert min(map(len, tokens)) >= 32


def test_the_command(folder, monkeypatch):
    opened = []
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: None)
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    result = run("explore", "grey.png")
    assert result.exit_code == 0, result.output
    assert opened == [result.output.splitlines()[0]]
    assert run("explore", "--no-browser").exit_code == 0
    assert len(opened) == 1


def test_a_browser_that_does_not_open_is_a_note(folder, monkeypatch):
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: None)
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert "note: no browser could be opened" in run("explore").stderr


def test_the_command_ends_by_ctrl_c(folder, monkeypatch):
    def interrupted(self, sockets):
        raise KeyboardInterrupt

    monkeypatch.setattr(server.uvicorn.Server, "run", interrupted)
    result = run("explore", "--no-browser")
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "ended")


def test_the_command_refuses_what_it_cannot_show(folder):
    assert run("explore", "missing.png").stderr == "error: missing.png: there is no such file\n"
    np.save("stack.npy", np.zeros((6, 8, 9)))
    assert "is not one picture" in run("explore", "stack.npy").stderr
    np.save("waves.npy", np.zeros((8, 9), complex))
    assert "holds complex numbers" in run("explore", "waves.npy").stderr
    np.save("holes.npy", np.full((8, 9), np.nan))
    assert "holds NaN or infinity" in run("explore", "holes.npy").stderr


def test_a_port_that_is_taken(page):
    result = run("explore", "--no-browser", "--port", page[0])
    assert result.exit_code == 1
    assert f"--port {page[0]}: Address already in use; leave it out" in result.stderr
