"""Numbers about answers reach a real Envoy as dynamic metadata, where its access log and rate limits read them."""

import json
import re

import pytest

from kit import http
from kit.engine import Engine
from kit.waiting import eventually

CONFIG = """
apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins:
- type: request-attribute-reporter
  parameters:
    attributes:
    - key: { name: x-cost }
      expression: usage.prompt_tokens + 1000 * usage.completion_tokens
      condition: usage.completion_tokens > 0
"""


@pytest.mark.parametrize("stream", [False, True])
def test_the_cost_of_an_answer_is_in_the_access_log(
    stream: bool, engines: list[Engine], start_epp, start_envoy
) -> None:
    epp = start_epp("--config-text", CONFIG, endpoints=[engine.address for engine in engines])
    engines[0].wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port, logs_metadata=True)
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    answer = http.post(envoy.url, http.chat("what does it cost", max_tokens=7, **options))
    assert answer.status == 200
    found = re.findall(r'"usage": ?(\{[^}]*\})', answer.body.decode())
    usage = json.loads(found[-1])
    cost = usage["prompt_tokens"] + 1000 * usage["completion_tokens"]
    line = eventually(lambda: next((line for line in envoy.lines if "x-cost" in line), None), "the access log", 10)
    assert re.search(rf'"x-cost": ?{cost}\b', line), line
