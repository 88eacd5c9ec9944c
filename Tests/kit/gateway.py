"""A gateway in the sense of ext_proc: plays one HTTP request through a stream by Envoy's rules and keeps what the engine and
the client would have got. A message that Envoy would refuse raises `Violation`."""

import json
from dataclasses import dataclass, field

from envoy.config.core.v3 import base_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2 as extproc
from google.protobuf import json_format

from . import extproc as ep

_Append = base_pb2.HeaderValueOption.HeaderAppendAction

# Envoy's own limit is the gRPC message size; the protocol asks for at most 64 KiB in a piece.
LARGEST_PIECE = 64 * 1024


class Violation(AssertionError):
    """The picker said something that Envoy does not accept in this place."""


@dataclass
class Outcome:
    """The outcome of one direction of an exchange."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    ended: bool = False
    trailers_answered: bool = False
    immediate: extproc.ImmediateResponse | None = None
    metadata: dict[str, dict[str, object]] = field(default_factory=dict)
    messages: list[extproc.ProcessingResponse] = field(default_factory=list)
    set_headers: list[str] = field(default_factory=list)
    clear_route_cache: bool = False

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def destination(self) -> str:
        values = self.header(ep.DESTINATION)
        assert len(values) == 1, f"{len(values)} destination headers: {values}; immediate: {self.immediate}"
        return values[0]

    @property
    def status(self) -> int:
        return self.immediate.status.code if self.immediate is not None else 200

    def error(self) -> dict[str, object]:
        """The JSON error body of an immediate answer."""
        assert self.immediate is not None
        return json.loads(self.immediate.body)["error"]

    def immediate_header(self, name: str) -> str | None:
        assert self.immediate is not None
        for option in self.immediate.headers.set_headers:
            if option.header.key.lower() == name:
                return (option.header.raw_value or option.header.value.encode()).decode()
        return None


def _apply(outcome: Outcome, common: extproc.CommonResponse, honour_headers: bool = True) -> None:
    outcome.clear_route_cache = outcome.clear_route_cache or common.clear_route_cache
    if not honour_headers:
        return
    for name in common.header_mutation.remove_headers:
        outcome.headers = [(k, v) for k, v in outcome.headers if k.lower() != name.lower()]
    for option in common.header_mutation.set_headers:
        key = option.header.key
        value = (option.header.raw_value or option.header.value.encode()).decode("latin-1")
        outcome.set_headers.append(key.lower())
        if option.append_action not in (_Append.OVERWRITE_IF_EXISTS_OR_ADD, _Append.APPEND_IF_EXISTS_OR_ADD):
            raise Violation(f"append action {option.append_action} for {key}")
        if option.append_action == _Append.OVERWRITE_IF_EXISTS_OR_ADD:
            outcome.headers = [(k, v) for k, v in outcome.headers if k.lower() != key.lower()]
        outcome.headers.append((key, value))


def _note(outcome: Outcome, response: extproc.ProcessingResponse) -> str:
    """Keeps what every kind of response can carry; returns its kind."""
    outcome.messages.append(response)
    if response.HasField("dynamic_metadata"):
        for namespace, values in json_format.MessageToDict(response.dynamic_metadata).items():
            outcome.metadata.setdefault(namespace, {}).update(values)
    kind = response.WhichOneof("response")
    if kind == "immediate_response":
        outcome.immediate = response.immediate_response
    return kind or "none"


class Exchange:
    """One HTTP exchange over one stream: `request`, then `respond` as often as the test cuts the answer."""

    def __init__(self, stream: ep.Stream, mode: int = ep.FULL_DUPLEX, response_mode: int | None = None):
        self.stream = stream
        self.mode = mode
        self.response_mode = response_mode if response_mode is not None else mode
        self.announce = True

    # Request direction.

    def request(
        self,
        headers: ep.Headers,
        chunks: list[bytes],
        trailers: ep.Headers | None = None,
        metadata: object = None,
        attributes: object = None,
    ) -> Outcome:
        """Sends a request with a body in the given pieces; in the buffered modes the pieces are one message."""
        fields: dict[str, object] = {}
        if metadata is not None:
            fields["metadata_context"] = metadata
        first = dict(fields)
        if attributes is not None:
            first["attributes"] = attributes
        if self.announce:
            first["protocol_config"] = ep.protocol(self.mode, self.response_mode)
        outcome = Outcome(headers=[(k, v if isinstance(v, str) else v.decode("latin-1")) for k, v in headers])
        self.stream.send(ep.request_headers(headers, **first))
        if self.mode == ep.FULL_DUPLEX:
            return self._request_full_duplex(outcome, chunks, trailers, fields)
        self._expect_headers(outcome, "request_headers")
        if outcome.immediate or self.mode == ep.NONE:
            outcome.body = ep.join(chunks)
            return outcome
        if self.mode != ep.STREAMED:
            chunks = [ep.join(chunks)]
        for index, chunk in enumerate(chunks):
            last = index == len(chunks) - 1 and trailers is None
            self.stream.send(ep.request_body(chunk, last, **fields))
            self._expect_body(outcome, "request_body", chunk, honour_headers=self.mode != ep.STREAMED)
            if outcome.immediate:
                return outcome
        if trailers is not None:
            self.stream.send(ep.request_trailers(trailers, **fields))
            self._expect_trailers(outcome, "request_trailers")
        outcome.ended = True
        return outcome

    def bodyless(self, headers: ep.Headers, **fields: object) -> Outcome:
        """A request that ends with its headers."""
        outcome = Outcome(headers=[(k, v if isinstance(v, str) else v.decode("latin-1")) for k, v in headers])
        if self.announce:
            fields["protocol_config"] = ep.protocol(self.mode, self.response_mode)
        self.stream.send(ep.request_headers(headers, end=True, **fields))
        self._expect_headers(outcome, "request_headers")
        outcome.ended = True
        return outcome

    def _request_full_duplex(
        self, outcome: Outcome, chunks: list[bytes], trailers: ep.Headers | None, fields: dict[str, object]
    ) -> Outcome:
        for index, chunk in enumerate(chunks):
            last = index == len(chunks) - 1 and trailers is None
            self.stream.send(ep.request_body(chunk, last, **fields))
        if trailers is not None:
            self.stream.send(ep.request_trailers(trailers, **fields))
        self._expect_headers(outcome, "request_headers")
        if not outcome.immediate:
            self._drain_streamed(outcome, "request", trailers is not None)
        return outcome

    # Response direction.

    def start_response(self, headers: ep.Headers, end: bool = False, metadata: object = None) -> Outcome:
        """The headers of an engine's answer."""
        fields = {} if metadata is None else {"metadata_context": metadata}
        outcome = Outcome(headers=[(k, v if isinstance(v, str) else v.decode("latin-1")) for k, v in headers])
        self.stream.send(ep.response_headers(headers, end, **fields))
        # A picker that held them back would delay the first event of a streamed answer.
        self._expect_headers(outcome, "response_headers")
        outcome.ended = end
        return outcome

    def response_chunk(self, outcome: Outcome, chunk: bytes, end: bool = False) -> None:
        """One piece of the answer; returns when the client would have got all of it."""
        before = len(outcome.body)
        self.stream.send(ep.response_body(chunk, end))
        if self.response_mode != ep.FULL_DUPLEX:
            self._expect_body(outcome, "response_body", chunk)
            outcome.ended = end
            return
        while len(outcome.body) < before + len(chunk) or (end and not outcome.ended):
            self._streamed_piece(outcome, "response")

    def response_end_with_trailers(self, outcome: Outcome, trailers: ep.Headers) -> None:
        self.stream.send(ep.response_trailers(trailers))
        self._expect_trailers(outcome, "response_trailers")
        outcome.ended = True

    def respond(self, headers: ep.Headers, chunks: list[bytes], trailers: ep.Headers | None = None, **fields: object) -> Outcome:
        """A whole answer in pieces."""
        outcome = self.start_response(headers, end=not chunks and trailers is None, **fields)
        for index, chunk in enumerate(chunks):
            self.response_chunk(outcome, chunk, end=index == len(chunks) - 1 and trailers is None)
        if trailers is not None:
            self.response_end_with_trailers(outcome, trailers)
        return outcome

    # What the picker may say at each point.

    def _expect_headers(self, outcome: Outcome, kind: str) -> None:
        response = self.stream.receive()
        got = _note(outcome, response)
        if got == "immediate_response":
            return
        if got != kind:
            raise Violation(f"{got} where {kind} was due")
        _apply(outcome, getattr(response, kind).response)

    def _expect_body(self, outcome: Outcome, kind: str, chunk: bytes, honour_headers: bool = True) -> None:
        response = self.stream.receive()
        got = _note(outcome, response)
        if got == "immediate_response":
            return
        if got != kind:
            raise Violation(f"{got} where {kind} was due")
        common = getattr(response, kind).response
        _apply(outcome, common, honour_headers)
        mutation = common.body_mutation.WhichOneof("mutation")
        if mutation == "streamed_response":
            raise Violation("a streamed_response outside FULL_DUPLEX_STREAMED")
        if mutation == "body":
            chunk = common.body_mutation.body
        elif mutation == "clear_body":
            chunk = b""
        outcome.body += chunk

    def _expect_trailers(self, outcome: Outcome, kind: str) -> None:
        response = self.stream.receive()
        got = _note(outcome, response)
        if got == "immediate_response":
            return
        if got != kind:
            raise Violation(f"{got} where {kind} was due")
        outcome.trailers_answered = True

    def _streamed_piece(self, outcome: Outcome, direction: str) -> None:
        response = self.stream.receive()
        got = _note(outcome, response)
        if got == "immediate_response":
            raise Violation("an immediate response after the headers went on")
        if got == f"{direction}_trailers":
            outcome.trailers_answered = True
            outcome.ended = True
            return
        if got != f"{direction}_body":
            raise Violation(f"{got} where {direction}_body was due")
        if outcome.ended:
            raise Violation("a body piece after the end of the stream")
        mutation = getattr(response, got).response.body_mutation
        if mutation.WhichOneof("mutation") != "streamed_response":
            raise Violation("FULL_DUPLEX_STREAMED needs a streamed_response")
        piece = mutation.streamed_response
        if len(piece.body) > LARGEST_PIECE:
            raise Violation(f"a piece of {len(piece.body)} bytes")
        outcome.body += piece.body
        outcome.ended = piece.end_of_stream

    def _drain_streamed(self, outcome: Outcome, direction: str, trailers: bool) -> None:
        while not outcome.ended:
            self._streamed_piece(outcome, direction)
            if trailers and outcome.ended and not outcome.trailers_answered:
                raise Violation("end_of_stream on the body though trailers follow")
