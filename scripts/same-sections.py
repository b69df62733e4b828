#!/usr/bin/env python3
"""same-sections.py RECORDED FRESH: every image of RECORDED must load the same bytes as its namesake in FRESH.

Compares what a loader would put into memory: name, address and content of each allocated section. Debug information may differ.
"""
import pathlib
import struct
import sys

ALLOCATED = 2
NO_BITS = 8


def loadable(path):
    """The allocated sections of a 32-bit little-endian ELF file, by name."""
    data = path.read_bytes()
    table, = struct.unpack_from("<I", data, 0x20)
    size, count, names = struct.unpack_from("<HHH", data, 0x2E)
    headers = [struct.unpack_from("<10I", data, table + index * size) for index in range(count)]
    strings = headers[names][4]
    sections = {}
    for name, kind, flags, address, offset, length, *_ in headers:
        if flags & ALLOCATED and length:
            start = strings + name
            label = data[start:data.index(b"\0", start)].decode()
            content = length if kind == NO_BITS else data[offset:offset + length]
            sections[label] = (address, content)
    return sections


def main():
    recorded, fresh = map(pathlib.Path, sys.argv[1:3])
    wrong = 0
    for path in sorted(recorded.glob("*.elf")):
        before, after = loadable(path), loadable(fresh / path.name)
        for label in sorted(before.keys() | after.keys()):
            if before.get(label) != after.get(label):
                print(f"{path.name}: section {label} differs: run scripts/firmware.sh build and commit firmware/prebuilt")
                wrong += 1
    sys.exit(1 if wrong else 0)


main()
