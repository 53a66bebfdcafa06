#!/usr/bin/python3
"""monitor.py CHARON-LITE SWANCTL-LITE: --monitor on a terminal, driven by its keys

Two daemons on this host (--kernel none); a terminal that is emulated (pyte). Nothing sleeps: what is to be seen is waited
for, 20 s at most.
"""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pyte

CHARON_LITE, SWANCTL_LITE = sys.argv[1:3]
PATIENCE = 20
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
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="charon-lite-monitor-")
        self.uri = f"unix://{self.directory}/vici"
        with open(f"{self.directory}/conf", "w") as conf:
            conf.write(f"charon-lite {{ port = 0\n port_nat_t = 0\n plugins {{ vici {{ socket = {self.uri} }} }} }}\n")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [CHARON_LITE, "--kernel", "none"],
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

    def swanctl(self, *arguments):
        subprocess.run(
            [SWANCTL_LITE, *arguments, "--uri", self.uri],
            env=dict(os.environ, SWANCTL_DIR=self.directory),
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def load(self, **values):
        with open(f"{self.directory}/swanctl.conf", "w") as conf:
            conf.write(CONNECTION.format(**values))
        self.swanctl("--load-all", "--noprompt")

    def end(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory)


class Terminal:
    """A program on a terminal of 140 columns and 24 lines"""

    def __init__(self, *command):
        self.screen = pyte.Screen(140, 24)
        self.stream = pyte.ByteStream(self.screen)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", LINES="24", COLUMNS="140")
            os.execv(command[0], command)

    def text(self):
        return "\n".join(self.screen.display)

    def expect(self, *patterns, gone=None):
        end = time.monotonic() + PATIENCE
        while True:
            text = self.text()
            if all(re.search(pattern, text) for pattern in patterns) and not (gone and re.search(gone, text)):
                return
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                sys.exit(f"not on the screen: {patterns} (without {gone}):\n{text}")
            self.stream.feed(os.read(self.fd, 65536))

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def end(self):
        """The exit code"""
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:  # the other end of the terminal is closed
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def main():
    moon, sun = Daemon(), Daemon()
    try:
        moon.load(us="moon", them="sun", here="10.1.0.0/16", there="10.2.0.0/16", port=sun.port)
        sun.load(us="sun", them="moon", here="10.2.0.0/16", there="10.1.0.0/16", port=moon.port)
        plain = subprocess.run(
            [SWANCTL_LITE, "--monitor", "--uri", moon.uri], check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        if not re.search(r"^home/net +IDLE ", plain, re.M) or "0 up, 0 changing, 0 down, 1 resting" not in plain:
            sys.exit(f"without a terminal: {plain}")

        terminal = Terminal(SWANCTL_LITE, "--monitor", "--interval", "0.2", "--uri", moon.uri)
        terminal.expect(r"home/net +IDLE", "TUNNEL +STATE", "0 up, 0 changing, 0 down, 1 resting")
        moon.swanctl("--initiate", "--child", "net")
        terminal.expect(r"home/net +INSTALLED +127\.0\.0\.1", "1 up, 0 changing, 0 down, 0 resting", r"\d+ min|\d+ h")
        terminal.press("s")
        terminal.expect("by state")
        terminal.press("r")
        terminal.expect("by state, reversed")
        terminal.press("/nosuch")
        terminal.expect("/nosuch_ +0 of 1", gone="home/net")
        terminal.press("\n")
        terminal.expect("/nosuch +0 of 1")
        terminal.press("\033")
        terminal.expect("home/net", gone="nosuch")
        terminal.press("h")
        terminal.expect("any key goes back")
        terminal.press("x")
        terminal.expect("home/net")
        # the daemon goes away and comes back
        moon.process.send_signal(signal.SIGKILL)
        moon.process.wait()
        terminal.expect("NO ANSWER", "home/net")
        moon.start()
        terminal.expect("0 up, 0 changing, 0 down, 0 resting", gone="NO ANSWER|home/net")
        terminal.press("q")
        if terminal.end() != 0:
            sys.exit("q: an exit code that is not 0")
    finally:
        moon.end()
        sun.end()


main()
