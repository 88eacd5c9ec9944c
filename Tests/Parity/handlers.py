"""The profile handlers and their deciders: which profiles run, where the request goes, which headers it gets.

Numbers in brackets are sections of the reference page of the protocol. "Choice" marks what that page leaves open.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Mapping, Protocol

from Parity.pool import BLOCK_TOKENS, HTTP_TOO_FEW, Context, Endpoint, Rejected, has_media

PREFILLER = "x-prefiller-host-port"
ENCODERS = "x-encoder-hosts-ports"
RANK = "x-data-parallel-host-port"


@dataclass
class Decision:
    """The destination, ip:port, and the headers that are set for those behind it."""

    destination: str
    headers: dict[str, str] = field(default_factory=dict)


class Run(Protocol):
    """Runs a profile: its first pick, or `Rejected` where its filters leave nothing."""

    names: list[str]

    def __call__(self, profile: str, context: Context) -> Endpoint: ...

    def decider(self, name: str) -> "Decide": ...


Decide = Callable[[Context, Endpoint | None], bool]
Handler = Callable[[Run, Context, Mapping[str, Any]], Decision]


def single(run: Run, context: Context, parameters: Mapping[str, Any]) -> Decision:
    """The one profile [3.9]."""
    return Decision(run(run.names[0], context).address)


def by_header(run: Run, context: Context, parameters: Mapping[str, Any]) -> Decision:
    """The header's value names the profile: headerName EPP-Profile, defaultProfile decode [3.9; newer page, 2].

    Choice: a name that is no profile is 400, as the page asks for where it calls llm-d's 429 wrong [1.7].
    """
    name = context.headers.get(parameters.get("headerName", "EPP-Profile").lower(), "")
    name = name or parameters.get("defaultProfile", "decode")
    if name not in run.names:
        raise Rejected(400)
    return Decision(run(name, context).address)


def disaggregated(run: Run, context: Context, parameters: Mapping[str, Any]) -> Decision:
    """decode first, then encode, then prefill, the latter two if their decider approves; with stageOrder
    prefill-first prefill, encode, decode. The decode pick is the destination; where decode fails, the request does. A
    stage that did not run sets no header [8.1; newer page, 1 and 2].

    Choices. A stage without a decider does not run. A stage whose filters leave nothing is left out, and the request
    goes on. With prefill-first nothing is known of the decode pick when prefill and encode run: no cached tokens, no
    peer. Deprecated flat parameters mean the same as the nested ones.
    """
    profiles = dict(parameters.get("profiles") or {})
    deciders = dict(parameters.get("deciders") or {})
    for stage in ("decode", "prefill", "encode"):
        profiles.setdefault(stage, parameters.get(f"{stage}Profile", stage))
    if "deciderPluginName" in parameters:
        deciders.setdefault("prefill", parameters["deciderPluginName"])

    picks: dict[str, Endpoint] = {}
    order = ["decode", "encode", "prefill"]
    if parameters.get("stageOrder", "decode-first") == "prefill-first":
        order = ["prefill", "encode", "decode"]
    for stage in order:
        if stage == "decode":
            picks[stage] = run(profiles[stage], context)
            context = replace(context, peer=picks[stage])
            continue
        if not deciders.get(stage) or not run.decider(deciders[stage])(context, picks.get("decode")):
            continue
        try:
            picks[stage] = run(profiles[stage], context)
        except Rejected as rejected:
            if rejected.status != HTTP_TOO_FEW:
                raise
    headers = {PREFILLER: "prefill", ENCODERS: "encode"}
    return Decision(
        picks["decode"].address, {name: picks[stage].address for name, stage in headers.items() if stage in picks}
    )


def data_parallel(run: Run, context: Context, parameters: Mapping[str, Any]) -> Decision:
    """Sets x-data-parallel-host-port; primaryPort 8000 [3.9].

    Choice: the header names the endpoint that was picked, and the destination is its host with the primary port.
    """
    address = run(run.names[0], context).address
    host = address.rsplit(":", 1)[0]
    return Decision(f"{host}:{parameters.get('primaryPort', 8000)}", {RANK: address})


HANDLERS: dict[str, Handler] = {
    "single-profile-handler": single,
    "header-profile-handler": by_header,
    "disagg-profile-handler": disaggregated,
    "pd-profile-handler": disaggregated,
    "data-parallel-profile-handler": data_parallel,
}


def always(parameters: Mapping[str, Any], context: Context, decode: Endpoint | None) -> bool:
    """always-disagg-pd-decider [8.1]."""
    return True


def prefix_based(parameters: Mapping[str, Any], context: Context, decode: Endpoint | None) -> bool:
    """N: tokens of the prompt. No if N < promptTokens (0), if N < nonCachedTokens (0: off), or if N - cached tokens
    of the decode pick < nonCachedTokens; else yes [8.1].

    Choice: "off" switches the stage off, not the condition.
    """
    wanted = parameters.get("nonCachedTokens", 0)
    if wanted <= 0 or context.tokens < max(wanted, parameters.get("promptTokens", 0)):
        return False
    return context.tokens - (decode.matched if decode else 0) * BLOCK_TOKENS >= wanted


def multimodal(parameters: Mapping[str, Any], context: Context, decode: Endpoint | None) -> bool:
    """always-disagg-multimodal-decider: multimodal content is present [8.1].

    Choice: content parts image_url, video_url, audio_url and input_audio of a chat are multimodal.
    """
    return has_media(context.body)


DECIDERS: dict[str, Callable[[Mapping[str, Any], Context, Endpoint | None], bool]] = {
    "always-disagg-pd-decider": always,
    "prefix-based-pd-decider": prefix_based,
    "always-disagg-multimodal-decider": multimodal,
}
