#!/usr/bin/env python3
"""The dashboard of docs/monitoring/dashboard.json without Grafana.

dashboard.py page PROMETHEUS      prints a page of HTML that draws its panels out of that Prometheus' answers
dashboard.py check PROMETHEUS     asks for each expression of each panel, and names those without a result
dashboard.py schema               holds the JSON against what Grafana takes, and expressions against the metrics there are
"""
import html
import json
import pathlib
import re
import sys
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
DASHBOARD = HERE.parent.parent / "docs/monitoring/dashboard.json"
RATE_INTERVAL = "1m"  # what Grafana would make of $__rate_interval


def panels():
    """The panels, with Grafana's variables put in."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            target["expr"] = target["expr"].replace("$__rate_interval", RATE_INTERVAL).replace("$instance", ".*")
            left = re.findall(r"\$\w+", target["expr"])
            assert not left, f"{panel['title']}: nobody puts in {left}"
        yield panel


def check(prometheus):
    """Exit status 1 when an expression has no result."""
    empty = count = 0
    for panel in panels():
        for target in panel["targets"]:
            query = urllib.parse.urlencode({"query": target["expr"]})
            with urllib.request.urlopen(f"{prometheus}/api/v1/query?{query}") as answer:
                result = json.load(answer)["data"]["result"]
            count += 1
            if not any(sample["value"][1] != "NaN" for sample in result):
                empty += 1
                print(f"no result: {panel['title']}: {target['expr']}")
    print(f"{count} expressions, {empty} without a result")
    return empty > 0


def page(prometheus):
    """Drawn by the browser: dashboard.js."""
    script = (HERE / "dashboard.js").read_text()
    data = json.dumps({"prometheus": prometheus, "panels": list(panels())}).replace("<", "\\u003c")
    print(f"""<!DOCTYPE html>
<meta charset="utf-8">
<title>{html.escape(json.loads(DASHBOARD.read_text())["title"])}</title>
<style>
body {{ background: #f4f5f5; color: #222; font: 13px "DejaVu Sans", sans-serif; margin: 8px;
  display: grid; grid-template-columns: repeat(24, 1fr); gap: 6px }}
section {{ background: #fff; border: 1px solid #ddd; padding: 6px; overflow: hidden }}
h2 {{ font-size: 13px; margin: 0 0 4px }}
svg {{ width: 100%; height: 120px; background: #fcfcfc }}
.stat {{ font-size: 22px; color: #1a7f37 }}
.name {{ font-size: 11px; color: #555; margin-right: 8px; white-space: nowrap }}
td {{ font-size: 11px; padding-right: 10px }}
</style>
<script>const dashboard = {data};
{script}</script>""")
    return 0


# ---- What Grafana takes ----

# As its published schema has them (kinds/dashboard/dashboard_kind.cue), panels of its core, its identifiers of units.
SCHEMA_VERSIONS = range(36, 43)
PANELS = {"stat", "timeseries", "table", "gauge", "bargauge", "text", "row"}
UNITS = {"short", "none", "s", "ms", "bytes", "decbytes", "Bps", "bps", "pps", "cps", "ops", "percent", "percentunit", "dateTimeAsIso"}
VARIABLES = {"query", "adhoc", "constant", "datasource", "interval", "textbox", "custom", "system"}
COLUMNS = 24
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
METRICS = HERE.parent.parent / "docs/monitoring.md"


def metrics():
    """Each metric of the page, as samples are called, with its labels"""
    for names, kind, labels in re.findall(r"^\| `([\w, ]+)` \| (\w+) \| ([\w,]*) \|", METRICS.read_text(), re.M):
        first, *suffixes = names.split(", ")
        base = first.removesuffix("_bucket") if kind == "histogram" else first
        for name in [first, *(base + suffix for suffix in suffixes)]:
            yield name, {"instance", "job", *filter(None, labels.split(","))}


def complaints_of_target(target, known):
    """An expression: metrics and labels that there are; what its legend names is left of them"""
    names = set(re.findall(r"\b(?:charon_lite|process)_\w+", target["expr"]))
    yield from (f"no metric is called {name}" for name in names - known.keys())
    labels = set().union({"instance"}, *(known[name] for name in names & known.keys()))
    used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", target["expr"]))
    for group in re.findall(r"\bby \(([^)]*)\)", target["expr"]):
        used |= set(group.replace(" ", "").split(",")) - {"le"}
    yield from (f"no label is called {label}" for label in used - labels)
    shown = set(re.findall(r"{{\s*(\w+)\s*}}", target.get("legendFormat", "")))
    groups = re.findall(r"\bby \(([^)]*)\)", target["expr"])
    left = set(groups[-1].replace(" ", "").split(",")) if groups and target["expr"].count("sum") < 2 else labels
    yield from (f"the legend's {label} is no label of the result" for label in shown - left)


def complaints_of_panel(panel, known):
    place = panel["gridPos"]
    if not (place["h"] > 0 and 0 < place["w"] and 0 <= place["x"] and place["x"] + place["w"] <= COLUMNS and place["y"] >= 0):
        yield f"it does not fit into the grid: {place}"
    if panel["type"] not in PANELS:
        yield f"no panel of Grafana's core is a {panel['type']}"
    if panel["fieldConfig"]["defaults"]["unit"] not in UNITS or panel["fieldConfig"]["overrides"] != []:
        yield f"no unit of Grafana's is called {panel['fieldConfig']['defaults']['unit']}"
    if panel["datasource"] != PROMETHEUS:
        yield f"its data source is fixed: {panel['datasource']}"
    if len({target["refId"] for target in panel["targets"]}) != len(panel["targets"]):
        yield "two of its expressions have the same refId"
    tables = [target for target in panel["targets"] if target.get("format") == "table"]
    if panel["type"] == "table" and (tables != panel["targets"] or not all(target.get("instant") for target in tables)):
        yield "a table wants instant results as a table"
    if len(tables) > 1 and {"id": "merge", "options": {}} not in panel.get("transformations", []):
        yield "of several tables Grafana shows one, unless they are merged"
    for target in panel["targets"]:
        yield from complaints_of_target(target, known)


def overlap(a, b):
    return all(a[at] < b[at] + b[size] and b[at] < a[at] + a[size] for at, size in (("x", "w"), ("y", "h")))


def complaints():
    dashboard, known = json.loads(DASHBOARD.read_text()), dict(metrics())
    if dashboard["schemaVersion"] not in SCHEMA_VERSIONS:
        yield f"schemaVersion {dashboard['schemaVersion']}"
    if not re.fullmatch(r"[A-Za-z0-9_-]{8,40}", dashboard["uid"]) or "id" in dashboard:
        yield "uid, or an id, which is Grafana's own"
    if not re.fullmatch(r"\d+[smhd]", dashboard["refresh"]):
        yield f"refresh {dashboard['refresh']}"
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    yield from (f"variable {name}: {v['type']}" for name, v in variables.items() if v["type"] not in VARIABLES)
    if variables["datasource"]["type"] != "datasource" or variables["datasource"]["query"] != "prometheus":
        yield "the variable datasource does not offer each Prometheus"
    if variables["instance"]["datasource"] != PROMETHEUS:
        yield "the variable instance asks a fixed data source"
    text = json.dumps(dashboard["panels"])
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"__rate_interval"}
    yield from (f"no variable is called {name}" for name in used - variables.keys())
    panels = dashboard["panels"]
    if len({panel["id"] for panel in panels}) != len(panels):
        yield "two panels have the same id"
    for i, panel in enumerate(panels):
        yield from (f"{panel['title']}: {text}" for text in complaints_of_panel(panel, known))
        yield from (f"{panel['title']} lies over {b['title']}" for b in panels[:i] if overlap(panel["gridPos"], b["gridPos"]))


def schema():
    found = list(complaints())
    print("\n".join(found) or "as Grafana's schema has it")
    return len(found) > 0


if __name__ == "__main__":
    sys.exit({"page": page, "check": check, "schema": schema}[sys.argv[1]](*sys.argv[2:]))
