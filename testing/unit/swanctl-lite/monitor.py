#!/usr/bin/python3
"""monitor.py CHARON-LITE SWANCTL-LITE: --monitor on a terminal, driven by its keys

Two daemons on this host (--kernel none); a terminal that is emulated (pyte). Nothing sleeps: what is to be seen is waited
for, 20 s at most.
"""

import os
import pty
import re
import select
import signal
import sys
import time

import pyte
from pair import SWANCTL_LITE, pair

PATIENCE = 20


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
    with pair() as (moon, sun):
        plain = moon.swanctl("--monitor")
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


main()
