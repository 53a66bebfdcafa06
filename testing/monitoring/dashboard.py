#!/usr/bin/env python3
"""The dashboard of docs/monitoring/dashboard.json without Grafana.

dashboard.py page PROMETHEUS      prints a page of HTML that draws its panels out of that Prometheus' answers
dashboard.py check PROMETHEUS     asks for each expression of each panel, and names those without a result
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


if __name__ == "__main__":
    sys.exit({"page": page, "check": check}[sys.argv[1]](sys.argv[2]))
