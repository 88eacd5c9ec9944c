"""The flags that the README names: their names and defaults are those of the help, and what has no effect says so."""

import itertools
import re
import subprocess

from kit.paths import ROOT, product

README = (ROOT / "README.md").read_text()


def test_flags_are_real() -> None:
    text = subprocess.run([product("epp"), "--help-hidden"], capture_output=True, text=True, timeout=20).stdout
    section = README.split("## Flags")[1].split("\n## ")[0]
    flags = set(re.findall(r"`(--[a-z-]+)", section)) - {"--flag", "--help", "--help-hidden"}
    assert len(flags) > 20
    for flag in flags:
        assert re.search(rf"{flag}\b", text), flag


def _help() -> dict[str, str]:
    """What `epp --help` says of each flag, in one line."""
    text = subprocess.run([product("epp"), "--help"], capture_output=True, text=True, timeout=20).stdout
    parts = re.split(r"^  (?:(-\w), )?(--[a-z-]+)", text, flags=re.MULTILINE)
    found: dict[str, str] = {}
    for short, flag, said in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        found[flag] = " ".join(said.split())
        if short:
            found[short] = found[flag]
    return found


def test_the_help_says_which_flags_of_llm_d_do_nothing() -> None:
    text = subprocess.run([product("epp"), "--help-hidden"], capture_output=True, text=True, timeout=20).stdout
    parts = re.split(r"^  (?:-\w, )?(--[a-z-]+)", text, flags=re.MULTILINE)
    said = {flag: " ".join(text.split()) for flag, text in zip(parts[1::2], parts[2::2], strict=True)}
    assert {flag for flag, one in said.items() if "Has no effect" in one} == {
        "--allow-experimental-plugins", "--enable-pprof", "--grpc-max-send-msg-size", "--health-checking",
        "--plugin-state-staleness-threshold", "--refresh-prometheus-metrics-interval", "--tls-cipher-suites",
        "--zap-stacktrace-level", "--zap-time-encoding",
    }  # fmt: skip


def test_defaults_are_those_of_the_help() -> None:
    said = _help()
    table = README.split("| flag | default | |")[1].split("\n\n")[0]
    compared = 0
    for flags, default in re.findall(r"^\| (`-.*?) \| ?(.*?) ?\|", table, re.MULTILINE):
        if default == "see above":
            continue
        values = default.replace("`", "").split(", ")
        for flag, value in itertools.zip_longest(re.findall(r"`(--?[a-z-]+)`", flags), values, fillvalue=""):
            stated = re.search(r"[(\s]default: ([^;).]+(?:\.\d[^;).]*)*)", said[flag])
            if stated:
                assert value == stated[1], flag
                compared += 1
            else:
                assert value in ("", "none", "1"), flag
    assert compared > 15


def test_the_help_has_what_does_something() -> None:
    for flag, text in _help().items():
        assert not re.search(r"no effect|[Oo]nly false is supported", text), flag
