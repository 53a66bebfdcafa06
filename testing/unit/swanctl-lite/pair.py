"""Two daemons on this host (--kernel none) that have a connection to each other"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

CHARON_LITE, SWANCTL_LITE = sys.argv[1:3]
CONNECTION = """\
connections {{ home {{ remote_addrs = 127.0.0.1
  remote_port = {port}
  encap = yes
  local {{ auth = psk
    id = {us} }}
  remote {{ auth = psk
    id = {them} }}
  children {{ net {{ local_ts = {here}
    remote_ts = {there} }} }} }} }}
secrets {{ ike-a {{ secret = very }} }}
"""


class Daemon:
    def __init__(self, before=()):
        """before: what is written before the daemon's name to start it"""
        self.before = before
        self.directory = tempfile.mkdtemp(prefix="charon-lite-monitor-")
        self.uri = f"unix://{self.directory}/vici"
        with open(f"{self.directory}/conf", "w") as conf:
            conf.write(f"charon-lite {{ port = 0\n port_nat_t = 0\n plugins {{ vici {{ socket = {self.uri} }} }} }}\n")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*self.before, CHARON_LITE, "--kernel", "none"],
            env=dict(os.environ, STRONGSWAN_CONF=f"{self.directory}/conf"),
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in self.process.stderr:
            ports = re.search(r"ready: .* UDP ports \d+ and (\d+)", line)
            if ports:
                self.port = ports.group(1)
                return
        sys.exit("the daemon did not start")

    def swanctl(self, *arguments, check=True):
        """What it prints"""
        return subprocess.run(
            [SWANCTL_LITE, *arguments, "--uri", self.uri],
            env=dict(os.environ, SWANCTL_DIR=self.directory),
            check=check,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    def load(self, more="", **values):
        with open(f"{self.directory}/swanctl.conf", "w") as conf:
            conf.write(CONNECTION.format(**values) + more)
        self.swanctl("--load-all", "--noprompt")

    def end(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory)


@contextlib.contextmanager
def pair():
    """Loaded, and not keyed"""
    moon, sun = Daemon(), Daemon()
    try:
        moon.load(us="moon", them="sun", here="10.1.0.0/16", there="10.2.0.0/16", port=sun.port)
        sun.load(us="sun", them="moon", here="10.2.0.0/16", there="10.1.0.0/16", port=moon.port)
        yield moon, sun
    finally:
        moon.end()
        sun.end()
