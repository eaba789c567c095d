"""HTTP/1.1 as bytes over a socket: no library between a script and the server it measures or attacks."""
import json
import socket
from typing import NamedTuple


class Answer(NamedTuple):
    status: int
    headers: dict  # names in lower case; the last one of duplicates
    body: bytes

    def json(self):
        return json.loads(self.body)


class Closed(ConnectionError):
    """The server closed the connection before the response was complete."""


def get(path, **headers):
    return request("GET", path, **headers)


def post(path, value, **headers):
    """`value` as JSON, or unchanged bytes."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return request("POST", path, body, **{"content-type": "application/json", **headers})


def request(method, path, body=None, **headers):
    """Header names as keywords: underscores become dashes."""
    lines = [f"{method} {path} HTTP/1.1", "host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def split_answer(data):
    """(Answer, the bytes after it), or None while it is not complete. Bodies have a Content-Length or none."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *rest = data[:end].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    status = int(first[9:12])
    length = 0 if status in (204, 304) or status < 200 else int(headers.get("content-length", 0))
    if len(data) < end + 4 + length:
        return None
    return Answer(status, headers, bytes(data[end + 4:end + 4 + length])), data[end + 4 + length:]


class Connection:
    """One kept connection; blocking."""

    def __init__(self, port, timeout=120, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """The next final response; 100 Continue is skipped."""
        while True:
            found = split_answer(self.rest)
            if found:
                answer, self.rest = found
                if answer.status >= 200:
                    return answer
                continue
            more = self.socket.recv(1 << 16)
            if not more:
                raise Closed(f"closed after {len(self.rest)} bytes of an answer")
            self.rest += more

    def ask(self, data):
        self.send(data)
        return self.answer()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
