# SPDX-License-Identifier: GPL-2.0-only
"""HTTP: what it answers, and to whom."""

import gzip
import http.client
import os
import re
import signal
import ssl
import subprocess

import pytest

from kit.clock import wait_until
from kit.http_server import HTTP_HOST, HttpServer, make_certificate, password_hash

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# Prometheus 2.42 and 3
PROMETHEUS = [
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
]
LIST = "/api/v1/shutdowns"
RECORDS = 250


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Records, a minute apart: services 0 to 3 and three outcomes take turns."""
    path = tmp_path_factory.mktemp("store") / "store.db"
    subprocess.run([HTTP_HOST, "fill", path, str(RECORDS)], check=True)
    return path


@pytest.fixture
def http_server(stage, store):
    """With the store, without a web configuration."""
    return HttpServer(stage, "--store", store)


def write_config(stage, text):
    """Replaces it as an administrator's tool does. Returns its name."""
    path = stage.directory / "web.yml"
    fresh = stage.directory / "web.yml.new"
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    return path


# What is served


@pytest.mark.parametrize("accept, kind", [
    (None, TEXT), ("*/*", TEXT), ("text/html", TEXT), ("application/openmetrics-text", OPENMETRICS),
    *[(accept, OPENMETRICS) for accept in PROMETHEUS]])
def test_metrics(http_server, accept, kind):
    """The format by Accept, its exact type, and gzip only for who asks."""
    headers = {"Accept": accept} if accept else {}
    status, got, body = http_server.request("/metrics", headers=headers)
    assert (status, got["Content-Type"]) == (200, kind)
    assert (got["Vary"], got["Content-Encoding"]) == ("Accept, Accept-Encoding", None)
    assert body.endswith(b"# EOF\n") == (kind == OPENMETRICS)
    status, got, packed = http_server.request(
        "/metrics", headers={**headers, "Accept-Encoding": "gzip"})
    assert (status, got["Content-Type"], got["Content-Encoding"]) == (200, kind, "gzip")
    assert gzip.decompress(packed) == body
    assert len(packed) < len(body) / 2


def test_pages(http_server):
    """Health, readiness, the landing page, their types and headers."""
    status, headers, body = http_server.request("/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for link in re.findall(rb'href="([^"]+)"', body):
        assert http_server.request(link.decode())[0] in (200, 503)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert http_server.request("/-/healthy")[0] == 200
    status, headers, _ = http_server.request("/-/ready")
    assert (status, headers["Retry-After"]) == (503, "1")
    os.kill(http_server.program.pid, signal.SIGUSR1)
    wait_until(lambda: http_server.request("/-/ready")[0] == 200, "readiness")


def test_head_and_keep_alive(http_server):
    """HEAD has the headers of GET; one connection serves many."""
    with http_server.client() as client:
        for path in ("/", "/metrics", "/-/healthy", LIST, LIST + "/last") * 5:
            client.request("GET", path)
            answer = client.getresponse()
            size = len(answer.read())
            first = client.sock
            client.request("HEAD", path)
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
            assert answer.headers["Content-Length"] == str(size)
            assert client.sock is first


@pytest.mark.parametrize("listen, addresses", [
    ("[::1]:0", ["::1"]), (":0", ["::1", "127.0.0.1", "127.0.0.2"]),
    ("localhost:0", ["localhost"])])
def test_addresses(stage, listen, addresses):
    """IPv6, both families through one socket, a name."""
    server = HttpServer(stage, listen=listen)
    for address in addresses:
        client = http.client.HTTPConnection(address, server.port, timeout=10)
        client.request("GET", "/-/healthy")
        assert client.getresponse().status == 200
        client.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get",
                                    "X" * 200])
def test_methods(http_server, method):
    """405, with what is allowed; the same for every path."""
    for path in ("/metrics", "/nothing"):
        status, headers, body = http_server.request(path, method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
        assert b"only GET and HEAD" in body


def test_bodies(http_server):
    """Refused by their headers; none of it is read."""
    for headers in ("Content-Length: 1", "Content-Length: 99999999999",
                    "Transfer-Encoding: chunked"):
        got = http_server.raw(f"GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n".encode())
        assert got.startswith(b"HTTP/1.1 413 "), got
    got = http_server.raw(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ")


# Records


def test_pages_of_records(http_server):
    """`next` leads through all of them, each once, newest first."""
    path, ids = f"{LIST}?limit=40", []
    sizes = []
    while path:
        page = http_server.json(path)
        ids += [shutdown["id"] for shutdown in page["shutdowns"]]
        sizes.append(len(page["shutdowns"]))
        path = page["next"]
    assert sizes == [40] * (RECORDS // 40) + [RECORDS % 40]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == RECORDS
    assert len(http_server.json(LIST)["shutdowns"]) == 100
    assert len(http_server.json(f"{LIST}?limit=1000")["shutdowns"]) == RECORDS


def test_filters(http_server):
    """Each narrows the list, and stays in the link to the next page."""
    every = http_server.json(f"{LIST}?limit=1000")["shutdowns"]

    def ids(query):
        path, found = f"{LIST}?limit=20&{query}", []
        while path:
            page = http_server.json(path)
            found += [shutdown["id"] for shutdown in page["shutdowns"]]
            path = page["next"]
        return found

    def expected(test):
        return [shutdown["id"] for shutdown in every if test(shutdown)]

    assert ids("service=service-1") == expected(lambda s: s["service"]["name"] == "service-1")
    assert ids("service=service-*") == expected(lambda s: True)
    assert ids("service=service") == []
    assert ids("outcome=lossy") == expected(lambda s: s["outcome"] == "lossy")
    assert ids("outcome=lossy&outcome=forced") == expected(lambda s: s["outcome"] != "clean")
    middle = every[100]["trigger"]["at"]
    assert ids(f"since={middle}") == expected(lambda s: s["trigger"]["at"] >= middle)
    assert set(ids(f"until={middle}")) >= set(expected(lambda s: s["trigger"]["at"] < middle))
    assert len(ids(f"since={middle}&until={middle}")) <= 1
    assert ids("finding=oom_killed") == []
    assert ids(f"before={every[200]['id']}") == [shutdown["id"] for shutdown in every[201:]]


def test_one_record(http_server):
    """The whole record, by its id or as the last one."""
    last = http_server.json(LIST + "/last")
    assert last["schema"] == "shutwatch.shutdown/1"
    first = http_server.json(f"{LIST}?limit=1")["shutdowns"][0]
    assert last["id"] == first["id"]
    for summary in http_server.json(f"{LIST}?limit=9")["shutdowns"]:
        record = http_server.json(f"{LIST}/{summary['id']}")
        for key in ("id", "outcome", "complete", "provisional", "timing"):
            assert record[key] == summary[key]
        assert record["service"]["name"] == summary["service"]["name"]
        assert record["trigger"]["at"] == summary["trigger"]["at"]
        inbound = record["connections"]["inbound"]
        sums = summary["connections"]
        assert sums["inbound"] == inbound["open_at_signal"] + inbound["late"]
        assert sums["in_flight_at_signal"] == inbound["in_flight_at_signal"]
        for key in ("late", "aborted", "refused"):
            assert sums[key] == inbound[key]


@pytest.mark.parametrize("path, status, what", [
    (LIST + "?colour=red", 400, "unknown key colour"),
    (LIST + "?limit=1001", 400, "limit=1001: must be a number from 1 to 1000"),
    (LIST + "?limit=1&limit=2", 400, "given once"),
    (LIST + "?outcome=fine", 400, "must be clean, lossy"),
    (LIST + "?since=now", 400, "RFC 3339"),
    (LIST + "?finding=no_such_finding", 400, "`shutwatch explain` lists them"),
    (LIST + "?before=last", 400, "the id of a record"),
    (LIST + "?service=a%00b", 200, None),
    (LIST + "?service=%ff%fe", 200, None),
    (LIST + "?%ff%1b=1", 400, "unknown key"),
    (LIST + "?service", 400, "service=: must be a name"),
    (LIST + "/last?limit=1", 400, "takes no query"),
    ("/metrics?x=1", 400, "takes no query"),
    (LIST + "/00000000000000000000000000", 404, "no record 0000"),
    (LIST + "/first", 404, "no id of a record"),
    (LIST + "/" + "../" * 5 + "etc/passwd", 404, "no id of a record"),
    (LIST + "/", 404, "no id of a record"),
    ("/api/v1", 404, "there is no /api/v1"),
    ("/metrics/", 404, "there is no /metrics/"),
    ("/metrics%00", 404, "there is no /metrics%00"),
    ("//metrics", 404, "there is no //metrics"),
])
def test_errors(http_server, path, status, what):
    """JSON that says what is wrong."""
    answer = http_server.json(path, status)
    if what:
        assert answer["status"] == status
        assert what in answer["error"]


def test_no_store(stage):
    """503 while it is not there or unreadable; then, by itself, the records. The log stays calm."""
    path = stage.directory / "store.db"
    server = HttpServer(stage, "--store", path)
    for _ in range(50):
        assert "log says why" in server.json(LIST, 503)["error"]
    assert 1 <= server.said().count("store.db") <= 5
    subprocess.run([HTTP_HOST, "fill", path, "3"], check=True)
    wait_until(lambda: server.request(LIST)[0] == 200, "the store to be read")
    assert len(server.json(LIST)["shutdowns"]) == 3
    assert "keeps no store" in HttpServer(stage).json(LIST, 503)["error"]


# TLS


def tls_client(folder, *, ca="server", certificate=None, newest=None):
    """Trusts the certificate, and shows one."""
    context = ssl.create_default_context(cafile=folder / f"{ca}.pem")
    if certificate:
        context.load_cert_chain(folder / f"{certificate}.pem", folder / f"{certificate}.key")
    if newest:
        context.maximum_version = newest
    return context


def tls_config(stage, extra=""):
    """The section, with a certificate that signed itself."""
    if not (stage.directory / "server.pem").exists():
        make_certificate(stage.directory, "server")
    return write_config(stage, "tls_server_config:\n  cert_file: server.pem\n"
                               f"  key_file: server.key\n{extra}")


def test_tls(stage):
    """Served over TLS 1.2 and 1.3; without TLS there is nothing."""
    server = HttpServer(stage, "--web.config.file", tls_config(stage))
    for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = tls_client(stage.directory, newest=newest)
        assert server.request("/metrics", tls=context)[0] == 200
    assert not server.raw(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP")


def test_tls_versions(stage):
    """min_version holds."""
    config = tls_config(stage, "  min_version: TLS13\n  curve_preferences: [CurveP256]\n")
    server = HttpServer(stage, "--web.config.file", config)
    with pytest.raises(ssl.SSLError):
        server.request("/", tls=tls_client(stage.directory, newest=ssl.TLSVersion.TLSv1_2))
    assert server.request("/", tls=tls_client(stage.directory))[0] == 200


def test_cipher_suites(stage):
    """Only what is listed; what GnuTLS would add to it is refused at the start."""
    listed = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    config = tls_config(stage, f"  max_version: TLS12\n  cipher_suites: [{listed}]\n")
    server = HttpServer(stage, "--web.config.file", config)
    for cipher, is_taken in (("ECDHE-ECDSA-AES128-GCM-SHA256", True),
                             ("ECDHE-ECDSA-AES256-GCM-SHA384", False),
                             ("ECDHE-ECDSA-CHACHA20-POLY1305", False)):
        context = tls_client(stage.directory)
        context.set_ciphers(cipher)
        if is_taken:
            assert server.request("/", tls=context)[0] == 200
        else:
            with pytest.raises(ssl.SSLError):
                server.request("/", tls=context)
    tls_config(stage, f"  cipher_suites: [{listed}]\n")
    for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = tls_client(stage.directory, newest=newest)
        context.minimum_version = newest
        assert server.request("/", tls=context)[0] == 200
    tls_config(stage, f"  cipher_suites: [{listed}, TLS_RSA_WITH_AES_256_GCM_SHA384]\n")
    context = tls_client(stage.directory, newest=ssl.TLSVersion.TLSv1_2)
    assert server.request("/", tls=context)[0] == 200
    server.wait_said("list all combinations")


def test_new_certificate(stage):
    """A renewed one serves who comes next; half of a renewal changes nothing."""
    server = HttpServer(stage, "--web.config.file", tls_config(stage))
    with server.client(tls=tls_client(stage.directory)) as old:
        old.request("GET", "/")
        old.getresponse().read()
        make_certificate(stage.directory, "renewed")
        (stage.directory / "renewed.pem").rename(stage.directory / "server.pem.new")
        trusted = stage.directory / "old.pem"
        trusted.write_bytes((stage.directory / "server.pem").read_bytes())
        (stage.directory / "server.pem.new").replace(stage.directory / "server.pem")
        assert server.request("/", tls=tls_client(stage.directory, ca="old"))[0] == 200
        server.wait_said("the old one stays in force")
        (stage.directory / "renewed.key").replace(stage.directory / "server.key")
        assert server.request("/", tls=tls_client(stage.directory))[0] == 200
        with pytest.raises(ssl.SSLError):
            server.request("/", tls=tls_client(stage.directory, ca="old"))
        old.request("GET", "/")
        assert old.getresponse().status == 200


@pytest.mark.parametrize("kind, none, good, strange", [
    ("RequireAndVerifyClientCert", False, True, False),
    ("VerifyClientCertIfGiven", True, True, False),
    ("RequireAnyClientCert", False, True, True),
    ("RequestClientCert", True, True, True),
])
def test_client_certificates(stage, kind, none, good, strange):
    """Who has none, one of our CA, one of a stranger's."""
    folder = stage.directory
    for name in ("ca", "strange_ca"):
        make_certificate(folder, name)
    make_certificate(folder, "good", "ca", "clientAuth")
    make_certificate(folder, "strange", "strange_ca", "clientAuth")
    verifies = "Verify" in kind
    server = HttpServer(stage, "--web.config.file", tls_config(
        stage, f"  client_auth_type: {kind}\n" + verifies * "  client_ca_file: ca.pem\n"))
    for certificate, may_come in ((None, none), ("good", good), ("strange", strange)):
        context = tls_client(folder, certificate=certificate)
        if may_come:
            assert server.request("/", tls=context)[0] == 200
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                server.request("/", tls=context)
    if verifies:
        make_certificate(folder, "wrong_use", "ca", "serverAuth")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            server.request("/", tls=tls_client(folder, certificate="wrong_use"))


def test_bad_start(stage):
    """A bad configuration: no server, and the log says where."""
    config = write_config(stage, "basic_auth_users:\n  alice: secret\n")
    program = stage.program([HTTP_HOST, "daemon", "--web.listen-address", "127.0.0.1:0",
                             "--web.config.file", config])
    assert program.wait() == 1
    said = b"".join(program.err.all()).decode()
    assert f"{config}:2: alice: must be a bcrypt hash" in said
    assert "secret" not in said


def test_headers_of_the_configuration(stage):
    """They replace ours."""
    config = write_config(stage, "http_server_config:\n  headers:\n    X-Frame-Options: deny\n"
                                 "    Content-Security-Policy: default-src 'self'\n"
                                 f"basic_auth_users:\n  a: {password_hash('b', 4)}\n")
    _, headers, _ = HttpServer(stage, "--web.config.file", config).request("/")
    assert headers["X-Frame-Options"] == "deny"
    assert headers.get_all("Content-Security-Policy") == ["default-src 'self'"]
    assert headers["X-Content-Type-Options"] == "nosniff"
