"""What the stand-ins for services on loopback share: a thread for each connection, and an end that waits for none."""

import json
import socket
import threading
from contextlib import suppress
from http.server import ThreadingHTTPServer


class LoopbackServer(ThreadingHTTPServer):
    """A thread for each connection; as many may be opened at once as a busy queue opens."""

    daemon_threads = True
    block_on_close = False  # connections are shut down instead
    request_queue_size = 256


class LoopbackService:
    """A context manager that serves on ``url`` with the class ``handler``, whose ``owner`` it is."""

    handler: type

    def __init__(self):
        self.connections = set()
        self._closing = threading.Event()  # waits of answers end with it

    def __enter__(self):
        self._http = LoopbackServer(("127.0.0.1", 0), type("Handler", (self.handler,), {"owner": self}))
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        return self

    def __exit__(self, *_):
        self._closing.set()
        self._http.shutdown()
        for connection in list(self.connections):
            with suppress(OSError):  # it was closed meanwhile
                connection.shutdown(socket.SHUT_RDWR)
        self._http.server_close()


class LoopbackHandler:
    """One connection of a service: what its ``BaseHTTPRequestHandler`` inherits besides."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: LoopbackService

    def read_json(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def write(self, status, headers, content):
        """Send an answer; without a status, the connection is dropped."""
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def handle(self):
        self.owner.connections.add(self.connection)
        with suppress(ConnectionError):  # the client left
            super().handle()

    def finish(self):
        self.owner.connections.discard(self.connection)
        with suppress(ConnectionError):
            super().finish()

    def log_message(self, *_):
        pass
