#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dashboard_rules.py SAMPLE_METRICS: the dashboard keeps the rules of grafana/dashboard-linter that matter here, and
what it and the alerts ask for exists in an exposition of the controller.

Expressions over recorded series need no `instance`: those series have none, so that they go on when another replica
leads.
"""
import re
import subprocess
import sys

import dashboard as board

PROBLEMS = []


def check(holds, what):
    if not holds:
        PROBLEMS.append(what)


def check_frame(dashboard):
    check(dashboard.get("uid"), "no fixed uid")
    check(dashboard.get("editable") is False, "editable")
    check("__inputs" not in dashboard, "has __inputs")
    check(dashboard["schemaVersion"] >= 39, "schemaVersion below 39")
    check(dashboard["time"]["from"] == "now-30d", "default range is not 30 days")
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    check(list(variables) == ["datasource", "job", "instance"], "other variables than datasource, job, instance")
    check(variables["datasource"]["label"] == "Data source", "the datasource is not labelled 'Data source'")
    # "All" jobs are those with a kintsugi_build_info: other programs have metrics of the same names as ours.
    for name, all_value in (("job", None), ("instance", ".+")):
        variable = variables[name]
        check(variable["type"] == "query" and variable["multi"] and variable.get("allValue") == all_value
              and variable["refresh"] == 2 and variable["datasource"]["uid"] == "${datasource}",
              f"variable {name} is not as the linter wants it")


def check_panel(panel):
    title = panel.get("title")
    check(title and panel.get("description"), f"panel {panel['id']}: no title or description")
    check(panel["datasource"]["uid"] == "${datasource}", f"{title}: another datasource")
    check(panel["fieldConfig"]["defaults"].get("unit"), f"{title}: no unit")
    check(panel["targets"], f"{title}: no query")


def check_expression(title, expression):
    for selector in re.findall(r"[a-z_:]+\{[^}]*\}", expression):
        is_recorded = ":" in selector.split("{")[0]
        check('job=~"$job"' in selector, f"{title}: no job in {selector}")
        check(is_recorded or 'instance=~"$instance"' in selector, f"{title}: no instance in {selector}")
    for function, selector, window in re.findall(r"\b(i?rate|increase)\((\S+\{[^}]*\})\[([^\]]+)\]", expression):
        wanted = "$__range" if function == "increase" else "$__rate_interval"
        check(window == wanted, f"{title}: {function} over {window}")
        check(function != "increase" or ":" in selector, f"{title}: increase over {selector}, which has instances")
    counters = re.findall(r"[a-z_]+_total\b(?!:)", expression)
    rated = re.findall(r"\brate\([a-z_]+_total\b", expression)
    check(len(counters) == len(rated), f"{title}: a counter outside rate()")


def check_names(dashboard, sample_metrics):
    text = subprocess.run([sample_metrics, "5"], check=True, capture_output=True, text=True).stdout
    exposed = set(re.findall(r"^([a-z_]+)[{ ]", text, re.MULTILINE))
    for title, expression in board.expressions(dashboard):
        for name in board.metric_names(expression):
            check(name in exposed or name in board.recorded(), f"{title}: nothing exposes {name}")
    for expression in re.findall(r"expr: (\|\n(?: {10,}.*\n)+|.*)", board.RULES.read_text()):
        for name in board.metric_names(expression):
            check(name in exposed, f"rules: nothing exposes {name}")


def main():
    dashboard = board.load()
    check_frame(dashboard)
    for panel in board.panels(dashboard):
        check_panel(panel)
    for title, expression in board.expressions(dashboard):
        check_expression(title, expression)
    check_names(dashboard, sys.argv[1])
    for problem in PROBLEMS:
        print(problem)
    print(f"{len(board.panels(dashboard))} panels, {len(PROBLEMS)} problems")
    return 1 if PROBLEMS else 0


if __name__ == "__main__":
    sys.exit(main())
