# SPDX-License-Identifier: Apache-2.0
"""What the tests of the dashboard share: reading it and finding its expressions."""
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "charts/kintsugi/files/dashboard.json"
RULES = ROOT / "charts/kintsugi/files/rules.yaml"


def load():
    return json.loads(DASHBOARD.read_text())


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard):
    """Pairs of a panel's title and an expression as Grafana has it."""
    return [(panel["title"], target["expr"]) for panel in panels(dashboard) for target in panel["targets"]]


def expand(expression, seconds):
    """The expression as Prometheus gets it, over a range of so many seconds."""
    values = {"$__range": f"{seconds}s", "$__rate_interval": f"{seconds}s", "$job": ".+", "$instance": ".+"}
    for variable, value in values.items():
        expression = expression.replace(variable, value)
    return expression


def metric_names(expression):
    """Names of series in an expression; recorded ones have colons."""
    without_strings = re.sub(r'"[^"]*"', '""', expression)
    return set(re.findall(r"\b(?:kintsugi|process|workqueue|rest_client|controller_runtime|leader_election)[a-z0-9_:]+\b",
                          without_strings))


def recorded():
    """Names of the recording rules."""
    return set(re.findall(r"- record: (\S+)", RULES.read_text()))
