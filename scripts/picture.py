#!/usr/bin/env python3
"""Draws docs/session.svg from the transcript of `xspi-gdb demo`, read from standard input. Needs PyPI's rich."""

import re
import sys

from rich.console import Console
from rich.text import Text

STYLES = [
    (re.compile(r"^# "), "bold white"),
    (re.compile(r"^\$ "), "bold green"),
    (re.compile(r"^\(gdb\) "), "bold cyan"),
    (re.compile(r"^(Breakpoint|Hardware watchpoint|Old value|New value)"), "yellow"),
    (re.compile(r"^(LEDs|window |nor |psram |internal flash)"), "magenta"),
]
WIDTH = 110

with open("/dev/null", "w") as nowhere:
    console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor")
    for line in sys.stdin.read().rstrip().split("\n"):
        style = next((style for pattern, style in STYLES if pattern.match(line)), "")
        console.print(Text(line, style=style), soft_wrap=True, crop=True)
    picture = console.export_svg(title="xspi-gdb demo")
# The picture must not fetch fonts from anywhere.
picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)
picture = re.sub(r"<!--.*?-->", "", picture, flags=re.DOTALL)
picture = picture.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")
sys.stdout.write(re.sub(r"terminal-\d+", "session", picture))
