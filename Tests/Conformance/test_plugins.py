"""`epp plugins`: what configuration files may name, and the README's table of it."""

import json
import re
import subprocess

from kit.paths import BIN_DIR, ROOT


def listed():
    return json.loads(subprocess.run([BIN_DIR / "epp", "plugins", "--json"], check=True, capture_output=True, text=True).stdout)


def test_the_readmes_table_is_the_list():
    table = (ROOT / "README.md").read_text().split("| plugin type |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \| (.+) \|$", table, re.MULTILINE)
    assert rows == [(plugin["type"], ", ".join(plugin["roles"]), plugin["summary"]) for plugin in listed()]


def test_every_plugin_is_in_the_text_with_its_parameters():
    text = subprocess.run([BIN_DIR / "epp", "plugins"], check=True, capture_output=True, text=True).stdout
    for plugin in listed():
        assert f"{plugin['type']} ({', '.join(plugin['roles'])})\n  {plugin['summary']}.\n" in text + "\n"
        for parameter in plugin["parameters"]:
            assert f"    {parameter['name']}: {parameter['domain']}" in text


def test_every_scorer_is_taken_by_the_flag_that_names_scorers(start_pool):
    scorers = [plugin["type"] for plugin in listed() if "scorer" in plugin["roles"]]
    assert len(scorers) >= 6
    flags = [flag for scorer in scorers for flag in ("--scorer", f"{scorer}=1")]
    pool = start_pool(*flags)
    pool.pick("a prompt")
    page = pool.epp.metrics()
    for scorer in scorers:
        assert f'plugin_type="{scorer}",plugin_name="{scorer}"' in page


def test_a_plugins_name_stands_in_its_own_file_only():
    """What everything else needs of a plugin it reads from its descriptor; the help of the load tool shows command lines."""
    names = [plugin["type"] for plugin in listed()]
    word = re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, names)) + r")(?![\w-])")
    plugins = ROOT / "Sources/EPPScheduling/Plugins"
    found = []
    for file in (ROOT / "Sources").rglob("*.swift"):
        if file.is_relative_to(ROOT / "Sources/epp-bench") or file.name == "PluginList.swift":
            continue
        own = file.stem if file.parent == plugins else None
        for line in file.read_text().splitlines():
            found += [(file.name, name) for name in word.findall(line) if name != own]
    assert not found
    assert sorted(plugin["type"] for plugin in listed()) == sorted(
        file.stem for file in plugins.glob("*.swift") if file.name != "PluginList.swift"
    )
