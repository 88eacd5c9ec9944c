"""The keys of signed session tokens: read at start, and again when their file changes."""

import os
import subprocess
from pathlib import Path

import pytest

from kit import extproc as ep
from kit import http
from kit.paths import product

_KEYS = {letter: letter * 44 for letter in "abc"}


def _configuration(path: Path) -> str:
    return f"""
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: session-affinity-filter
  parameters: {{strategy: signed_token, keyFile: {path}}}
- type: queue-scorer
"""


def _write(path: Path, text: str) -> None:
    """Replaces a file at once, as a kubelet does."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


@pytest.mark.parametrize(
    "content, said",
    [
        (None, "cannot be read: it does not exist"),
        ("\n# none\n", "cannot be used: it holds no key"),
        ("short\n", "cannot be used: the key in line 1 has fewer than 32 characters"),
    ],
)
def test_keys_that_cannot_be_used_are_named(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_text(content)
    command = [product("epp"), "--bind-address", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0"]
    command += ["--metrics-port", "0", "--endpoint", "127.0.0.1:1", "--config-text", _configuration(path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert result.returncode == 1
    assert f"epp: the keyFile {path} of session tokens {said}" in result.stderr


def test_new_keys_are_taken_while_serving(start_pool, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(_KEYS["a"])
    pool = start_pool("--config-text", _configuration(path), engines=3)

    def ask(token: str | None) -> tuple[str, str]:
        """The destination, and the answer's token."""
        exchange = pool.exchange()
        headers = [("x-session-token", token)] if token else []
        outcome = exchange.request(ep.post_headers("/v1/chat/completions", *headers), [http.chat("x")])
        answer = exchange.respond([(":status", "200")], [b"{}"])
        exchange.stream.finish()
        (new,) = answer.header("x-session-token")
        return outcome.destination, new

    def take(text: str, said: str) -> None:
        start = len(pool.epp.lines)
        _write(path, text)
        pool.epp.wait_for(said, start=start)

    home, old = ask(None)
    take(f"{_KEYS['a']}\n{_KEYS['b']}\n", "session tokens get the new keys")
    assert ask(old)[0] == home
    take(f"{_KEYS['b']}\n{_KEYS['a']}\n", "session tokens get the new keys")
    destination, renewed = ask(old)
    assert destination == home
    # What cannot be used changes nothing.
    take("nonsense\n", "the key in line 1 has fewer than 32 characters.*the previous keys stay in use")
    assert ask(renewed)[0] == home
    take(f"{_KEYS['b']}\n", "session tokens get the new keys")
    assert ask(renewed)[0] == home
    assert pool.epp.metric("epp_session_tokens_ignored_total") == 0
    ask(old)
    assert pool.epp.metric("epp_session_tokens_ignored_total", reason="foreign") == 1
