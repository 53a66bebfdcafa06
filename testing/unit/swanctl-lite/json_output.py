#!/usr/bin/python3
"""json_output.py CHARON-LITE SWANCTL-LITE SCHEMA: what commands print as JSON is what docs/swanctl-lite.schema.json says;
and the graph of --graph is one that Graphviz draws
"""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree

import jsonschema
from pair import pair

OPTIONS = {"list-pools": ["--leases"], "version": ["--daemon"]}
MORE = """\
connections { trapped { remote_addrs = 192.0.2.1
  local { auth = psk }
  remote { auth = psk
    id = far }
  children { far { remote_ts = 192.0.2.0/24
    start_action = trap } } }
  clients { pools = p
    local { auth = pubkey
      certs = moon.pem }
    remote { auth = eap-mschapv2
      eap_id = %any }
    children { net { local_ts = 0.0.0.0/0 } } } }
pools { p { addrs = 10.3.0.0/30
  dns = 10.1.0.1 } }
authorities { ca { cacert = ca.pem
  crl_uris = http://127.0.0.1/crl } }
clients { spoke { id = spoke
  networks = 10.100.0.0/16 } }
"""


def certificates(directory):
    for folder in ("x509", "x509ca", "private"):
        os.mkdir(f"{directory}/{folder}")
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj".split()
    for name, folder, constraint in (("moon", "x509", "FALSE"), ("ca", "x509ca", "TRUE")):
        subprocess.run(
            [*new, f"/CN={name}", "-addext", f"basicConstraints=critical,CA:{constraint}"]
            + ["-keyout", f"{directory}/private/{name}.pem", "-out", f"{directory}/{folder}/{name}.pem"],
            check=True,
            stderr=subprocess.DEVNULL,
        )


def check(daemon, command, schema, seen):
    text = daemon.swanctl(f"--{command}", "--json", *OPTIONS.get(command, []))
    try:
        value = json.loads(text)
        jsonschema.validate(value, {**schema, "$ref": f"#/$defs/{command}"})
    except (json.JSONDecodeError, jsonschema.ValidationError) as error:
        sys.exit(f"--{command} --json: {str(error)[:1500]}")
    seen[command] = seen.get(command, False) or bool(value)


def check_all(daemon, schema, seen):
    for command in schema["$defs"]:
        check(daemon, command, schema, seen)


def check_graph(daemon):
    if "10.2.0.0/16" not in daemon.swanctl("--graph"):
        sys.exit("--graph: the peer's network is not there")
    svg = daemon.swanctl("--graph", "--svg")
    texts = [element.text for element in xml.etree.ElementTree.fromstring(svg).iter() if element.text]
    for wanted in ("sun", "10.1.0.0/16", "10.2.0.0/16", "net: INSTALLED, in 0 B, out 0 B", "far: TRAPPED"):
        if not any(wanted in text for text in texts):
            sys.exit(f"--graph --svg: no {wanted} in {texts}")


def main():
    with open(sys.argv[3]) as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    seen = {}
    with pair() as (moon, sun):
        certificates(moon.directory)
        moon.load(us="moon", them="sun", here="10.1.0.0/16", there="10.2.0.0/16", port=sun.port, more=MORE)
        check_all(moon, schema, seen)
        moon.swanctl("--initiate", "--child", "net")
        check_all(moon, schema, seen)
        check_all(sun, schema, seen)
        check_graph(moon)
        moon.swanctl("--terminate", "--ike", "home")
        sun.load(us="sun", them="nobody", here="10.2.0.0/16", there="10.1.0.0/16", port=moon.port)
        moon.swanctl("--initiate", "--child", "net", check=False)
        if not json.loads(moon.swanctl("--explain", "home", "--json"))[0]["home"]["failures"]:
            sys.exit("--explain: no failure")
        check_all(moon, schema, seen)
    empty = [command for command, any in seen.items() if not any]
    if empty:
        sys.exit(f"nothing was seen of: {' '.join(empty)}")


main()
