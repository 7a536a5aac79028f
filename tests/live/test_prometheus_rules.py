# SPDX-License-Identifier: GPL-2.0-only
"""The rules in tools/prometheus: promtool accepts them, each alert fires and stays silent when it
should, and they name only metrics that exist."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "tools" / "prometheus" / "shutwatch.rules.yml"
RULES_TEST = ROOT / "tools" / "prometheus" / "shutwatch.rules.test.yml"


def _promtool(*arguments):
    said = subprocess.run(["/usr/bin/promtool", *arguments], capture_output=True, text=True,
                          check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_rules_are_accepted():
    """Syntax, and no two rules of one name and labels."""
    _promtool("check", "rules", RULES)


def test_alerts_fire_and_stay_silent():
    """Over invented series, with time of their own."""
    _promtool("test", "rules", RULES_TEST)


def test_every_alert_is_tested():
    """A new alert needs a test in which it fires."""
    alerts = re.findall(r"^ +- alert: (\w+)$", RULES.read_text(), re.MULTILINE)
    tested = set(re.findall(r'alertname="(\w+)"', RULES_TEST.read_text()))
    assert alerts
    assert set(alerts) == tested


def test_metrics_exist():
    """The names in rules and tests are those of README's table, which is made from the code."""
    table = (ROOT / "README.md").read_text().partition("<!-- metrics -->")[2]
    served = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    for path in (RULES, RULES_TEST):
        used = set(re.findall(r"(?<![\w:])shutwatch_\w+", path.read_text()))
        assert used
        assert {name.removesuffix("_bucket") for name in used} <= served
