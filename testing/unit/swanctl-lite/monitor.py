#!/usr/bin/python3
"""monitor.py CHARON-LITE SWANCTL-LITE: --monitor on a terminal, driven by its keys

Two daemons on this host (--kernel none); a terminal that is emulated (pyte). Nothing sleeps: what is to be seen is waited
for, 20 s at most.
"""

import os
import re
import signal
import sys
import tempfile

from pair import SWANCTL_LITE, pair
from terminal import Terminal, svg, svg_lines

PICTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../docs/pictures/monitor.svg")


def check_picture(terminal):
    """What docs show is what it looks like today: names of columns and keys, and words of some rows"""
    lines = svg_lines(PICTURE)
    for line in (2, -1):
        now, then = (re.sub(r"^\d+ of \d+ +", "", text[line].rstrip()) for text in (terminal.screen.display, lines))
        if now != then:
            sys.exit(f"{PICTURE} is older than --monitor: '{then}', and now '{now}'")
    text = "\n".join(lines)
    if not all(state in text for state in ("INSTALLED", "DOWN", "TRAPPED", "IDLE")):
        sys.exit(f"{PICTURE}: a state is missing")
    with tempfile.NamedTemporaryFile("w", suffix=".svg") as picture:
        picture.write(svg(terminal.screen))
        picture.flush()
        if svg_lines(picture.name)[2:4] != [line.rstrip() for line in terminal.screen.display[2:4]]:
            sys.exit(f"a picture of the screen is not the screen: {svg_lines(picture.name)}")


def colours(terminal):
    return {terminal.screen.buffer[y][x].fg for y in range(terminal.screen.lines) for x in range(terminal.screen.columns)}


def check_sizes(terminal):
    for columns, lines, text, gone in (
        (40, 8, "home/net +IDLE", "by name"),
        (1, 1, "^1$", None),
        (12, 60, "home/net", "by name"),
        (300, 3, "1 of 1 +q quit", None),
    ):
        terminal.resize(columns, lines)
        terminal.expect(text, gone=gone)
    terminal.resize(140, 24)
    terminal.expect(r"home/net +IDLE", "TUNNEL +STATE", "1 of 1 +q quit")
    # what others wrote over it
    terminal.screen.erase_in_display(2)
    terminal.press("\014")
    terminal.expect(r"home/net +IDLE", "TUNNEL +STATE", "1 of 1 +q quit")


def check_other_terminals(moon):
    """No colours for who wants none; plain text where one cannot go to a place; a reason without a daemon"""
    command = SWANCTL_LITE, "--monitor", "--uri"
    plain = Terminal(*command, moon.uri, NO_COLOR="1")
    plain.expect(r"home/net +IDLE", "1 of 1 +q quit")
    if colours(plain) != {"default"}:
        sys.exit(f"NO_COLOR: {colours(plain)}")
    plain.press("q")
    if plain.end() != 0:
        sys.exit("q without colours: an exit code that is not 0")
    for term in ("dumb", "nonsense", ""):
        dumb = Terminal(*command, moon.uri, TERM=term)
        dumb.expect(r"TUNNEL +STATE", r"home/net +IDLE", "1 resting")
        if dumb.end() != 0:
            sys.exit(f"TERM={term}: an exit code that is not 0")
    nobody = Terminal(*command, f"{moon.uri}-not")
    nobody.expect("list-tunnels request failed: .*No such file or directory")
    if nobody.end() == 0:
        sys.exit("without a daemon: exit code 0")


def check_names(moon, values):
    """Names beyond ASCII are there as they are, in columns that stay under each other; the filter takes them"""
    peer = "remote_addrs = 192.0.2.9\n local { auth = psk\n }\n remote { auth = psk\n }\n children { net {\n }\n }\n"
    moon.load(f"connections {{\n Büro-Zürich {{ {peer} }}\n Buero {{ {peer} }}\n}}\n", **values)
    terminal = Terminal(SWANCTL_LITE, "--monitor", "--uri", moon.uri, LC_ALL="C.UTF-8")
    terminal.expect("Büro-Zürich/net +IDLE", "Buero/net +IDLE")
    columns = {line.index("IDLE") for line in terminal.screen.display if "IDLE" in line}
    if len(columns) != 1:
        sys.exit(f"states are not under each other: {terminal.text()}")
    terminal.press("/zü")
    terminal.expect("/zü_ +1 of 3", gone="Buero")
    terminal.press("\177ü")
    terminal.expect("/zü_ +1 of 3", gone="Buero")
    terminal.press("\177\177\177x")
    terminal.expect("/x_ +0 of 3")
    terminal.press("\n")
    terminal.press("q")
    if terminal.end() != 0:
        sys.exit("q: an exit code that is not 0")
    moon.load(**values)


def main():
    with pair() as (moon, sun):
        plain = moon.swanctl("--monitor")
        if not re.search(r"^home/net +IDLE ", plain, re.M) or "0 up, 0 changing, 0 down, 1 resting" not in plain:
            sys.exit(f"without a terminal: {plain}")

        terminal = Terminal(SWANCTL_LITE, "--monitor", "--interval", "0.2", "--uri", moon.uri)
        terminal.expect(r"home/net +IDLE", "TUNNEL +STATE", "0 up, 0 changing, 0 down, 1 resting")
        terminal.expect("1 of 1 +q quit")
        if colours(terminal) != {"default", "cyan"}:
            sys.exit(f"colours: {colours(terminal)}")
        check_picture(terminal)
        check_sizes(terminal)
        check_other_terminals(moon)
        check_names(moon, {"us": "moon", "them": "sun", "here": "10.1.0.0/16", "there": "10.2.0.0/16", "port": sun.port})
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
