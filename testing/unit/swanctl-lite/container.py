#!/usr/bin/python3
"""container.py CHARON-LITE SWANCTL-LITE: what the daemon and swanctl-lite start works, too, where they are the first
process, as in a container: signer, resolver, fetcher, judge
"""

import functools
import http.server
import os
import subprocess
import sys
import threading

from pair import Daemon, SWANCTL_LITE

FIRST = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
if os.geteuid() != 0:
    FIRST += ["--user", "--map-root-user"]
CONNECTION = """\
connections {{ home {{ remote_addrs = {address}
  remote_port = {port}
  encap = yes
  local {{ auth = pubkey
    certs = {us}.pem
    id = {us} }}
  remote {{ auth = pubkey
    id = {them}
    revocation = strict }}
  children {{ net {{ local_ts = {here}
    remote_ts = {there} }} }} }} }}
authorities {{ ca {{ cacert = ca.pem
  crl_uris = http://127.0.0.1:{http}/ca.crl }} }}
"""
CA_CONF = "[ca]\ndefault_ca=own\n[own]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=1\n"


def openssl(directory, arguments):
    subprocess.run(["openssl", *arguments.split()], cwd=directory, check=True, stderr=subprocess.DEVNULL)


def certificates(moon, sun):
    """A CA, its CRL in moon's directory "www", and a certificate for each"""
    for daemon in moon, sun:
        for folder in "x509", "x509ca", "private":
            os.mkdir(f"{daemon.directory}/{folder}")
    work = f"{moon.directory}/www"
    os.mkdir(work)
    for name, text in ("ca.conf", CA_CONF), ("index", ""), ("number", "01\n"):
        with open(f"{work}/{name}", "w") as file:
            file.write(text)
    new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    openssl(work, f"req -x509 {new} -keyout ca.key -out ca.pem -subj /CN=ca -days 2")
    openssl(work, "ca -config ca.conf -gencrl -keyfile ca.key -cert ca.pem -out ca.crl")
    for name, daemon in ("moon", moon), ("sun", sun):
        with open(f"{work}/{name}.ext", "w") as file:
            file.write(f"subjectAltName=DNS:{name}\n")
        openssl(work, f"req {new} -keyout {daemon.directory}/private/{name}.pem -out {name}.csr -subj /CN={name}")
        openssl(
            work,
            f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile {name}.ext"
            f" -out {daemon.directory}/x509/{name}.pem",
        )
        openssl(work, f"x509 -in ca.pem -out {daemon.directory}/x509ca/ca.pem")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def configure(daemon, **values):
    with open(f"{daemon.directory}/swanctl.conf", "w") as conf:
        conf.write(CONNECTION.format(**values))


moon, sun = Daemon(FIRST), Daemon()
try:
    certificates(moon, sun)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=f"{moon.directory}/www")
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    web = server.server_address[1]
    configure(moon, address="localhost", us="moon", them="sun", here="10.1.0.0/16", there="10.2.0.0/16", port=sun.port, http=web)
    configure(sun, address="%any", us="sun", them="moon", here="10.2.0.0/16", there="10.1.0.0/16", port=moon.port, http=web)
    for daemon in moon, sun:
        daemon.swanctl("--load-all", "--noprompt")  # the signer takes the key
    # the resolver finds the peer, the signer signs, the fetcher gets the CRL that is demanded
    moon.swanctl("--initiate", "--child", "net", "--timeout", "20")
    judged = subprocess.run(
        [*FIRST, SWANCTL_LITE, "--check", f"{moon.directory}/swanctl.conf"],
        env=dict(os.environ, SWANCTL_DIR=moon.directory),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if judged.returncode > 1:
        sys.exit(f"--check as the first process: {judged.stdout}")
finally:
    moon.end()
    sun.end()
