"""The scripts that check everything: what they count, and what they refuse before they begin. They run in a folder of their
own, with a `swift` that says what a test wants it to say."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from kit import http
from kit.affinity import AffinityGateway
from kit.paths import ROOT
from kit.sidecar import Sidecar
from kit.simulator import Simulator
from kit.waiting import eventually

SCRIPTS = ROOT / "scripts"
COMMANDS = sorted(
    str(path.relative_to(SCRIPTS))
    for path in SCRIPTS.rglob("*")
    if path.is_file() and os.access(path, os.X_OK) and not path.suffix
)


def _run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=60, env=os.environ | environment
    )


def _executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help(name: str) -> None:
    for flag in ("--help", "-h"):
        result = _run(SCRIPTS / name, flag)
        assert result.returncode == 0, result.stderr
        assert len(result.stdout.split()) > 10
        assert "#" not in result.stdout.splitlines()[0]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["checks/fuzz", "--minutes", "0"], "say for how long"),
        (["checks/fuzz", "--minutes", "0x1"], "say for how long"),
        (["checks/fuzz", "--minutes"], "say for how long"),
        (["checks/fuzz"], "say for how long"),
        (["checks/mutate", "0"], "there is no mutation '0'"),
        (["checks/mutate", "abc"], "there is no mutation 'abc'"),
        (["checks/mutate", "1", "9999"], "there is no mutation '9999'"),
        (["release/build", "nothing"], "unknown argument 'nothing'"),
        (["lint", "all"], "unknown argument 'all'"),
        (["test", "--quick"], "unknown argument '--quick'"),
        (["generate/protos", "all"], "unknown argument 'all'"),
        (["kube-apiserver", "start"], "unknown argument 'start'"),
        (["validate-deploy", "all"], "unknown argument 'all'"),
        (["pod-network"], "say what to run"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_at_once(arguments: list[str], message: str) -> None:
    result = _run(SCRIPTS / arguments[0], *arguments[1:])
    assert result.returncode != 0
    assert message in result.stderr
    assert not result.stdout


def test_a_help_is_asked_for_anywhere() -> None:
    result = _run(SCRIPTS / "bench/compare-dynamo", "--rounds", "1", "--help")
    assert result.returncode == 0 and "compare-dynamo" in result.stdout


def test_data_sets_are_listed_without_an_installation(tmp_path: Path) -> None:
    result = _run(SCRIPTS / "bench/compare-dynamo", "--list", WARMPATH_TOOLS_DIR=str(tmp_path))
    assert result.returncode == 0, result.stderr
    names = result.stdout.split()
    assert "chats" in names and "copies-64" in names
    assert not list(tmp_path.iterdir())


def test_a_benchmark_that_lacks_a_program_says_so_at_once(tmp_path: Path) -> None:
    result = _run(
        sys.executable, SCRIPTS / "bench/benchmark.py", "start", "instructions",
        PATH=str(tmp_path), PYTHONPATH=str(ROOT / "Tests"), WARMPATH_BIN_DIR=str(tmp_path),
    )  # fmt: skip
    assert result.returncode != 0
    assert "needs valgrind: install the package valgrind" in result.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A root with the scripts and nothing else."""
    shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


_SWIFT_FAILED = """\
✔ Test one() passed after 0.001 seconds.
✘ Test two() recorded an issue at Tests.swift:1:1: Expectation failed
✘ Test two() failed after 0.002 seconds with 1 issue.
✘ Suite Tests failed after 0.003 seconds with 1 issue.
✘ Test run with 3 tests in 1 suite failed after 0.004 seconds with 1 issue."""


@pytest.fixture
def run_test(copy: Path):
    """Runs scripts/test with stages that say what they were called with, and one Swift test that fails."""
    for name in ("setup", "lint", "release/build"):
        _executable(copy / "scripts" / name, 'echo "4 passed, 0 failed"')
    (copy / "swift.txt").write_text(_SWIFT_FAILED)
    _executable(copy / "bin" / "swift", f'echo "swift $*"; if [[ $1 == test ]]; then cat {copy}/swift.txt; exit 1; fi')
    _executable(
        copy / "tools/venv/bin/python",
        'echo "${@: -1} with $WARMPATH_BIN_DIR"; echo "SKIPPED [1] $9:60: a port is in use"; echo "2 passed, 1 skipped in 3.21s"',
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        path = f"{copy}/bin:{os.environ['PATH']}"
        return _run(copy / "scripts" / "test", *arguments, PATH=path, WARMPATH_TOOLS_DIR=str(copy / "tools"))

    return run


def test_failures_are_counted_once_and_skips_are_shown(run_test, copy: Path) -> None:
    result = run_test()
    # Three stages, two of three Swift tests, four checks, and two of each folder of Python tests.
    assert result.stdout.splitlines()[-1] == "15 passed, 1 failed", result.stdout
    assert result.returncode != 0
    assert result.stderr.count("a port is in use") == 3
    for folder in ("Conformance", "System"):
        assert f"Tests/{folder} with {copy}/.build-release/release\n" in result.stdout


def test_the_fast_loop_builds_no_release_and_starts_no_system(run_test, copy: Path) -> None:
    result = run_test("--fast")
    # Two stages, two of three Swift tests, and two of the conformance suite.
    assert result.stdout.splitlines()[-1] == "8 passed, 1 failed", result.stdout
    assert result.returncode != 0
    assert f"Tests/Conformance with {copy}/.build/debug\n" in result.stdout
    for absent in ("release", "Tests/System", "checks"):
        assert absent not in result.stdout


_SWIFT = """\
[[ $1 == test ]] || exit 0
case "$(cat Sources/A/a.swift)" in
  *crash*) exit 132 ;;
  *gone*) echo "error: Process 'tests.xctest' exited with unexpected signal code 11"; exit 1 ;;
  *hang*) exit 124 ;;
  *wrong*) echo "✘ Test t() recorded an issue at T.swift:1:1: Expectation failed"; exit 1 ;;
esac
if [[ $4 == Sick ]]; then echo "✘ Test t() recorded an issue at T.swift:1:1: Expectation failed"; exit 1; fi
if [[ $4 == Nothing ]]; then echo "✔ Test run with 0 tests in 0 suites passed after 0.001 seconds."; exit 0; fi
echo "$4" >>ran
echo "✔ Test run with 3 tests in 1 suite passed after 0.001 seconds.\""""


@pytest.fixture
def mutate(copy: Path):
    """Runs scripts/checks/mutate with a table of mutations of one line."""
    for folder in ("Sources/A", "Tests"):
        (copy / folder).mkdir(parents=True)
    (copy / "Sources/A/a.swift").write_text("let a = right\n")
    (copy / "Package.swift").write_text("\n")
    _executable(copy / "bin" / "swift", _SWIFT)

    def run(*rows: str) -> subprocess.CompletedProcess[str]:
        (copy / "scripts/checks/mutations.txt").write_text("".join(f"{row}\n" for row in rows))
        return _run(copy / "scripts/checks/mutate", PATH=f"{copy}/bin:{os.environ['PATH']}")

    return run


def _row(word: str, tests: str = "Tests") -> str:
    return f"{word} | Sources/A/a.swift | s/right/{word}/ | {tests}"


def test_a_mutation_is_noticed_by_a_test_that_fails(mutate, copy: Path) -> None:
    result = mutate(_row("wrong"), _row("wrong"))
    assert result.returncode == 0, result.stderr
    assert "2 of 2 mutations were noticed" in result.stdout
    # Once on the unbroken copy, for both.
    assert (copy / ".build-mutation/ran").read_text() == "Tests\n"
    assert (copy / "Sources/A/a.swift").read_text() == "let a = right\n"


@pytest.mark.parametrize(
    "word, message",
    [("crash", "ended with 132 and no test failed"), ("hang", "did not end"), ("fine", "no test of Tests failed")],
)
def test_a_mutation_that_no_test_notices_is_missed(mutate, word: str, message: str) -> None:
    result = mutate(_row(word), _row("wrong"))
    assert result.returncode != 0
    assert re.search(rf"1: {word}: .*{message}", result.stderr) or message in result.stderr
    assert "1 of 2 mutations were noticed" in result.stdout


def test_a_crash_shows_a_mutation_where_the_table_says_so(mutate) -> None:
    result = mutate(_row("gone") + " | crash", _row("gone"))
    assert "1: gone: noticed by a crash of Tests" in result.stdout
    assert "2: gone: Tests ended with 1 and no test failed" in result.stderr
    assert result.returncode != 0


@pytest.mark.parametrize("tests, message", [("Sick", "does not pass on the unbroken copy"), ("Nothing", "names no test")])
def test_tests_have_to_pass_before_anything_is_broken(mutate, tests: str, message: str) -> None:
    result = mutate(_row("wrong", tests))
    assert result.returncode != 0
    assert message in result.stderr


@pytest.fixture
def check_imports(copy: Path):
    """Runs the check of imports over a package of three targets and one test target, which keeps to the table."""
    (copy / "Sources").mkdir()
    rows = {"CGRPCShim": "-", "EPPCore": "-", "EPPRequests": "-"}
    page = "".join(f"| `{name}` | what it is | {imports} |\n" for name, imports in rows.items())
    (copy / "Sources/README.md").write_text(page)
    package = {"CGRPCShim": [], "EPPCore": [], "EPPRequests": ["EPPCore"], "EPPRequestsTests": ["EPPRequests", "EPPCore"]}

    def run(files: dict[str, str] = {}, **dependencies: list[str]) -> subprocess.CompletedProcess[str]:
        targets = [
            {
                "name": name,
                "type": "test" if name.endswith("Tests") else "regular",
                "dependencies": [{"byName": [other, None]} for other in others] + [{"product": ["Logging", "swift-log"]}],
            }
            for name, others in (package | dependencies).items()
        ]
        (copy / "package.json").write_text(json.dumps({"targets": targets}))
        _executable(copy / "bin" / "swift", f"cat {copy}/package.json")
        for path, text in files.items():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_text(text)
        script = copy / "scripts/checks/target_imports.py"
        return _run(sys.executable, script, PATH=f"{copy}/bin:{os.environ['PATH']}")

    return run


def test_imports_that_keep_to_the_table_pass(check_imports) -> None:
    result = check_imports({
        "Sources/EPPRequests/JSON/a.swift": "package import EPPCore\nimport Logging\n// import EPPRouting\n",
        "Tests/EPPRequestsTests/a.swift": "@testable import EPPRequests\nimport EPPCore\n",
    })
    assert result.returncode == 0 and not result.stderr


@pytest.mark.parametrize(
    "line",
    ["import EPPRequests", "  package import EPPRequests", "@preconcurrency internal import EPPRequests",
     "@_spi(Tests) import EPPRequests", "import struct EPPRequests.JSONCursor"],
)
def test_an_import_upwards_is_found_in_any_form(check_imports, line: str) -> None:
    result = check_imports({"Sources/EPPCore/Support/a.swift": f"import Logging\n\n{line}\n"})
    assert result.returncode == 1
    assert "Sources/EPPCore/Support/a.swift:3: EPPCore imports EPPRequests, which its row" in result.stderr


@pytest.mark.parametrize("place", ["Sources/EPPRequests", "Tests/EPPRequestsTests"])
def test_only_those_that_wrap_c_import_it(check_imports, place: str) -> None:
    result = check_imports({f"{place}/a.swift": "import CGRPCShim\n"})
    assert result.returncode == 1 and f"{place}/a.swift:1: " in result.stderr


@pytest.mark.parametrize(
    "dependencies, message",
    [
        ({"EPPCore": ["EPPRequests"]}, "EPPCore depends on EPPRequests, which its row does not name"),
        ({"EPPNothing": []}, "EPPNothing has no row in scripts/checks/target_imports.py"),
        ({"EPPTokens": []}, "Sources/README.md: EPPTokens has no row in the table of targets"),
    ],
)
def test_a_package_that_breaks_the_table_is_refused(check_imports, dependencies: dict, message: str) -> None:
    result = check_imports(**dependencies)
    assert result.returncode == 1 and message in result.stderr


@pytest.mark.parametrize(
    "row, message",
    [
        ("| `EPPTokens` | tokens | `EPPRequests` |", "EPPTokens does not exist"),
        ("| `EPPCore` | values | `EPPRequests` |", "EPPCore may import nothing beside"),
    ],
)
def test_the_page_says_what_the_table_says(check_imports, copy: Path, row: str, message: str) -> None:
    page = copy / "Sources/README.md"
    page.write_text(page.read_text() + row + "\n")
    result = check_imports()
    assert result.returncode == 1 and message in result.stderr


def test_what_caches_come_to_is_measured() -> None:
    """scripts/checks/cache-flow against engines that run already, two simulated ones here."""
    speed = ("--prefill-tokens-per-second", "20000", "--inter-token-latency", "1ms", "--block-size", "16")
    with ExitStack() as stack:
        engines = [stack.enter_context(Simulator(*speed)) for _ in range(2)]
        sidecars = [stack.enter_context(Sidecar(engine.address)) for engine in engines]
        gateway = AffinityGateway(ROOT / "deploy/components/affinity-gateway/envoy.yaml", [sidecar.address for sidecar in sidecars])
        stack.callback(gateway.stop)
        eventually(lambda: http.request(gateway.url, "GET", "/readyz").status == 200, "the gateway serves", 30)
        command = [sys.executable, SCRIPTS / "checks/vllm/cache-flow.py", "--gateway", gateway.url, "--model", "engine-sim"]
        command += [part for engine in engines for part in ("--engine", engine.url)]
        path = str(ROOT / "Tests")
        good = _run(*command, "--sessions", "6", "--turns", "6", PYTHONPATH=path)
        assert good.returncode == 0 and good.stdout.count("cache-flow: ok:") == 4, good.stdout + good.stderr
        # From one address all sessions are at one engine, whatever the gateway is worth.
        one = _run(*command, "--sessions", "4", "--turns", "6", "--source", "127.2.0.1", PYTHONPATH=path)
        assert one.returncode == 1 and "FAILED: 1 of 2 engines were used: give --source" in one.stdout, one.stdout + one.stderr
