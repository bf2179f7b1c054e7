"""
A Git repository by HTTPS on loopback, as a team keeps it. No assertion here.

The engine names a plugin by its URL, and a name has no colon: so the port is that of HTTPS.
"""

import os
import shutil
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.docs.pages import ROOT
from tests.docs.shell import PROJECT

ADDRESS = "127.0.0.43"

URL = f"https://{ADDRESS}/mail/byodkim.git"


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to the program of Git that is there for it."""

    def do_GET(self):
        path, _, query = self.path.partition("?")
        variables = {
            **os.environ,
            "CONTENT_LENGTH": self.headers.get("Content-Length", "0"),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "GIT_HTTP_EXPORT_ALL": "yes",
            "GIT_PROJECT_ROOT": str(self.server.directory),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
        }
        sent = self.rfile.read(int(variables["CONTENT_LENGTH"]))
        done = subprocess.run(
            ["git", "http-backend"], input=sent, capture_output=True, env=variables
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_):
        pass


@contextmanager
def serving(directory, tag):
    """
    The variables by which programs trust the server of a repository of this checkout, with *tag*.
    """
    made = directory / "checkout"
    made.mkdir(parents=True)
    for name in (*PROJECT, "plugin"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, made / name)
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    signed = [
        "-addext",
        f"subjectAltName=IP:{ADDRESS}",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    bare = directory / "mail" / "byodkim.git"
    author = ["-c", "user.name=mail", "-c", "user.email=mail@example.com"]
    for command in (
        ["git", "init", "--quiet", str(made)],
        ["git", "-C", str(made), "add", "."],
        ["git", "-C", str(made), *author, "commit", "--quiet", "--message", "as it is"],
        ["git", "-C", str(made), "tag", tag],
        ["git", "clone", "--quiet", "--bare", str(made), str(bare)],
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-noenc",
            "-subj",
            f"/CN={ADDRESS}",
            *signed,
        ],
    ):
        subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer((ADDRESS, 443), _Handler) as server:
        server.directory = directory
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield {"SSL_CERT_FILE": str(certificate), "GIT_SSL_CAINFO": str(certificate)}
        finally:
            server.shutdown()
