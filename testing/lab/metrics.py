"""For the scene `metrics`: what a Prometheus at 127.0.0.1:9090 has, beside what kernels and VICI count

metrics.py forward PORT SOCKET           lets a port of the loopback lead to a unix socket
metrics.py compare FILE [SITE VICI]...   waits until all agree; FILE has what SAs that went carried
metrics.py keep FILE SITE...             adds what those of now carried to FILE
"""

import asyncio
import collections
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import vici

OUTER = {"moon": "198.51.100.1", "sun": "203.0.113.1"}
PATIENCE = 30


def forward(port, path):
    async def pump(source, sink):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.close()

    async def serve(reader, writer):
        there, back = await asyncio.open_unix_connection(path)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", int(port))
        await server.serve_forever()

    asyncio.run(main())


def kernel(site):
    """What its states carried, by direction: ip -s xfrm state"""
    text = subprocess.run(["ip", "-n", site, "-s", "xfrm", "state"], check=True, capture_output=True, text=True).stdout
    sums = collections.Counter()
    for state in re.split(r"(?m)^src ", text)[1:]:
        direction = "in" if re.match(r"\S+ dst (\S+)", state)[1] == OUTER[site] else "out"
        current = re.search(r"lifetime current:\s+(\d+)\(bytes\), (\d+)\(packets\)", state)
        sums[f"{direction} bytes"] += int(current[1])
        sums[f"{direction} packets"] += int(current[2])
    return sums


def kept(path):
    return collections.defaultdict(dict, json.load(open(path))) if os.path.exists(path) else collections.defaultdict(dict)


def keep(path, *sites):
    carried = kept(path)
    for site in sites:
        carried[site] = collections.Counter(carried[site]) + kernel(site)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(carried, file)


def ask(expression):
    """Prometheus' answer: a list of labels and value"""
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"http://127.0.0.1:9090/api/v1/query?{query}") as answer:
        return [(s["metric"], float(s["value"][1])) for s in json.load(answer)["data"]["result"]]


def wanted(site, socket, carried):
    """What each expression is to give"""
    session = vici.Session(socket)
    counters = session.request("get-counters")["counters"][""]
    sas = list(session.stream("list-sas", "list-sa"))
    for direction in "in", "out":
        for what, name in ("bytes", "traffic_bytes"), ("packets", "packets"):
            key = f"{direction} {what}"
            yield (f'sum(charon_lite_child_{name}_total{{gateway="{site}",direction="{direction}"}})',
                   carried.get(key, 0) + kernel(site)[key])
            listed = sum(int(child.get(f"{what}-{direction}", 0))
                         for sa in sas for ike in sa.values() for child in ike["child-sas"].values())
            yield f'vector({listed})', kernel(site)[key]
    for exchange, name in ("IKE_SA_INIT", "ike-init"), ("IKE_AUTH", "ike-auth"), ("CREATE_CHILD_SA", "create-child"):
        for direction in "in", "out":
            for kind, short in ("request", "req"), ("response", "resp"):
                yield (f'charon_lite_messages_total{{gateway="{site}",exchange="{exchange}",direction="{direction}",kind="{kind}"}}',
                       int(counters[f"{name}-{direction}-{short}"]))
    yield f'sum(charon_lite_ike_sas{{gateway="{site}",state="ESTABLISHED"}})', len(sas)
    yield f'sum(charon_lite_child_rekeys_total{{gateway="{site}"}})', int(counters["child-rekey"])
    stat = f"/run/netns/{site}"
    errors = subprocess.run(["nsenter", f"--net={stat}", "cat", "/proc/net/xfrm_stat"], check=False, capture_output=True, text=True)
    for line in errors.stdout.splitlines():
        name, value = line.split()
        yield f'charon_lite_kernel_xfrm_errors_total{{gateway="{site}",name="{name}"}}', int(value)


def compare(path, *sites):
    deadline = time.monotonic() + PATIENCE
    carried = kept(path)
    while True:
        wrong, count = [], 0
        for site, socket in zip(sites[::2], sites[1::2]):
            for expression, value in wanted(site, socket, carried[site]):
                count += 1
                try:
                    found = [v for _, v in ask(expression)]
                except OSError as error:
                    found = [str(error)]
                if found != [value]:
                    wrong.append(f"{expression}: {found}, and not {value}")
        if not wrong or time.monotonic() > deadline:
            break
        time.sleep(0.3)
    print(f"{count} values, {len(wrong)} differ", *wrong[:5], sep="\n")
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit({"forward": forward, "compare": compare, "keep": keep}[sys.argv[1]](*sys.argv[2:]))
