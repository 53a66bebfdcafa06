"""A program on an emulated terminal (pyte), and what it shows as a picture"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pyte

PATIENCE = 20


def set_size(fd, columns, lines):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


class Terminal:
    """Nothing sleeps: what is to be seen is waited for"""

    def __init__(self, *command, columns=140, lines=24, patience=PATIENCE, **environment):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.patience = patience
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            set_size(0, columns, lines)
            # not xterm, whose way to repeat a character pyte does not know
            os.environ.update({"TERM": "linux", **environment})
            os.execv(command[0], command)

    def text(self):
        return "\n".join(self.screen.display)

    def expect(self, *patterns, gone=None):
        end = time.monotonic() + self.patience
        while True:
            text = self.text()
            if all(re.search(pattern, text) for pattern in patterns) and not (gone and re.search(gone, text)):
                return
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                sys.exit(f"not on the screen: {patterns} (without {gone}):\n{text}")
            self.stream.feed(os.read(self.fd, 65536))

    def resize(self, columns, lines):
        self.screen.resize(lines, columns)
        set_size(self.fd, columns, lines)

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


# ---- As a picture ----

WIDTH, HEIGHT, MARGIN = 8, 18, 12  # of a character, and around all
GROUND, INK = "#1d2021", "#d5c4a1"
COLOURS = {"default": INK, "green": "#8ec07c", "brown": "#fabd2f", "red": "#fb6f5d", "cyan": "#83a598"}


def runs(row, columns):
    """Of characters that look alike: where each begins, its text, colour, whether it is reversed and bold"""
    begin = 0
    for x in range(1, columns + 1):
        look = [(row[i].fg, row[i].reverse, row[i].bold) for i in (begin, x) if i < columns]
        if len(look) < 2 or look[0] != look[1]:
            yield begin, "".join(row[i].data for i in range(begin, x)), *look[0]
            begin = x


def svg(screen):
    width, height = screen.columns * WIDTH + 2 * MARGIN, screen.lines * HEIGHT + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13">',
        f'<rect width="{width}" height="{height}" rx="8" fill="{GROUND}"/>',
    ]
    for y in range(screen.lines):
        for x, text, colour, reverse, bold in runs(screen.buffer[y], screen.columns):
            left, top, length = MARGIN + x * WIDTH, MARGIN + y * HEIGHT, len(text) * WIDTH
            if reverse:
                lines.append(f'<rect x="{left}" y="{top}" width="{length}" height="{HEIGHT}" fill="{INK}"/>')
            ink = GROUND if reverse else COLOURS[colour]
            weight = ' font-weight="bold"' if bold else ""
            # Word by word where there are gaps: fonts differ in width, columns do not.
            for word in re.finditer(r"\S+(?: \S+)*", text):
                lines.append(
                    f'<text x="{left + word.start() * WIDTH}" y="{top + 13}" textLength="{len(word.group()) * WIDTH}"'
                    f' fill="{ink}"{weight}>{escape(word.group())}</text>'
                )
    return "\n".join([*lines, "</svg>", ""])


def svg_lines(path):
    """The lines of text of a picture that was made so"""
    lines = {}
    for text in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text"):
        column = (int(text.get("x")) - MARGIN) // WIDTH
        line = lines.get(int(text.get("y")), "")
        lines[int(text.get("y"))] = line.ljust(column) + text.text
    return [lines[y] for y in sorted(lines)]
