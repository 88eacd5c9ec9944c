"""HTTP/2 by hand, for frames that no client library would send: RFC 9113 framing, RFC 7541 literals without Huffman."""

import socket
import ssl
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value: int, prefix_bits: int, first: int = 0) -> bytes:
    """An HPACK integer."""
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def literal(name: str | bytes, value: str | bytes, indexed: bool = False) -> bytes:
    """A header field with a new name; `indexed` enters it into the dynamic table."""
    name = name.encode() if isinstance(name, str) else name
    value = value.encode() if isinstance(value, str) else value
    head = b"\x40" if indexed else b"\x00"
    return head + integer(len(name), 7) + name + integer(len(value), 7) + value


def reference(index: int) -> bytes:
    """A field out of the tables; the dynamic one begins at 62."""
    return integer(index, 7, 0x80)


def request(path: str, *extra: bytes, **pseudo: str) -> bytes:
    """The header block of a gRPC call."""
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost", **pseudo}
    block = b"".join(literal(name, value) for name, value in fields.items())
    if "te" not in pseudo:
        block += literal("te", "trailers")
    return block + literal("content-type", "application/grpc") + b"".join(extra)


def grpc_message(payload: bytes) -> bytes:
    return b"\0" + struct.pack(">I", len(payload)) + payload


class Connection:
    """A plain or TLS connection that has sent its preface and settings."""

    def __init__(self, port: int, tls: bool = False, timeout: float = 5.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket)
        self._buffer = b""
        self._timeout = timeout
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, *frames: bytes) -> bool:
        """False when the peer has closed the connection, or reads no more for so long as the timeout."""
        try:
            self.socket.settimeout(self._timeout)
            self.socket.sendall(b"".join(frames))
            return True
        except OSError:
            return False

    def receive(self, timeout: float = 10.0) -> tuple[int, int, int, bytes] | None:
        """The next frame as kind, flags, stream and payload; None when the peer has closed."""
        deadline = time.monotonic() + timeout
        while True:
            if len(self._buffer) >= 9:
                length = int.from_bytes(self._buffer[:3], "big")
                if len(self._buffer) >= 9 + length:
                    head, payload = self._buffer[:9], self._buffer[9 : 9 + length]
                    self._buffer = self._buffer[9 + length :]
                    return head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, payload
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no frame")
            self.socket.settimeout(left)
            try:
                more = self.socket.recv(65_536)
            except ConnectionError:
                return None
            if not more:
                return None
            self._buffer += more

    def until_closed_or(self, kind: int, stream: int = 0, timeout: float = 10.0) -> bytes | None:
        """The payload of the next frame of that kind; None when the connection ends first."""
        while True:
            got = self.receive(timeout)
            if got is None:
                return None
            if got[0] == SETTINGS and not got[1] & ACK:
                self.send(frame(SETTINGS, ACK, 0))
            if got[0] == kind and got[2] == stream:
                return got[3]
            if got[0] == GOAWAY:
                return None

    def alive(self, timeout: float = 10.0) -> bool:
        """Whether the peer still answers a ping."""
        if not self.send(frame(PING, 0, 0, b"12345678")):
            return False
        try:
            return self.until_closed_or(PING, timeout=timeout) is not None
        except (TimeoutError, OSError):
            return False

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
