#!/usr/bin/env python3
"""Runs the cases of a request file in unicorn and writes the states that result.

Usage: oracle.py REQUEST RESPONSE. The format is that of wire.rs. Integer, DSP and single-precision cases run on a
Cortex-M7 in MCLASS mode; it rejects double precision, which runs on the A-profile model "max" in Thumb state instead.
"""

import struct
import sys

try:
    from unicorn import (
        UC_ARCH_ARM,
        UC_MODE_MCLASS,
        UC_MODE_THUMB,
        Uc,
        UcError,
        arm_const as arm,
    )
except ImportError:
    sys.exit("the Python package unicorn is missing: pip install unicorn")

HEADER = struct.Struct("<IIII")
CASE = struct.Struct("<BBHI15III16Q")
STATE = struct.Struct("<I16III16QI")
DIFFERENCE = struct.Struct("<HH")

FLAGS = 0xF80F0000
FPSCR = 0xF7C0009F
CORE = [arm.UC_ARM_REG_R0 + i for i in range(13)] + [arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR]
DOUBLES = [arm.UC_ARM_REG_D0 + i for i in range(16)]


class MProfile:
    """Cortex-M7."""

    status = arm.UC_ARM_REG_APSR

    def __init__(self):
        self.uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self.uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M7)

    def flags(self, value):
        # The first write ends an IT block that the previous case may have left open.
        return [(arm.UC_ARM_REG_XPSR, 1 << 24), (arm.UC_ARM_REG_XPSR_NZCVQG, value)]


class AProfile:
    """The model with every feature, in supervisor mode and Thumb state."""

    status = arm.UC_ARM_REG_CPSR

    def __init__(self):
        self.uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB)
        self.uc.ctl_set_cpu_model(arm.UC_CPU_ARM_MAX)
        self.uc.reg_write(arm.UC_ARM_REG_FPEXC, 1 << 30)

    def flags(self, value):
        return [(arm.UC_ARM_REG_CPSR, value & FLAGS | 0x1F3)]


def execute(machine, case, data_base, pristine):
    _, count, length, address, *values = case
    core, apsr, fpscr, doubles = values[:15], values[15], values[16], values[17:]
    uc = machine.uc
    writes = machine.flags(apsr)
    writes += zip(CORE, core)
    writes += zip(DOUBLES, doubles)
    writes.append((arm.UC_ARM_REG_FPSCR, fpscr))
    uc.reg_write_batch(writes)
    error = 0
    try:
        # A skipped instruction of an IT block is not counted, a branch does not come to the end: whichever is first.
        uc.emu_start(address | 1, address + length, count=count)
    except UcError as refused:
        error = refused.errno
    state = uc.reg_read_batch(
        CORE + [arm.UC_ARM_REG_PC, machine.status, arm.UC_ARM_REG_FPSCR] + DOUBLES
    )
    memory = uc.mem_read(data_base, len(pristine))
    differences = []
    if memory != pristine:
        differences = [
            (offset, byte)
            for offset, (byte, before) in enumerate(zip(memory, pristine))
            if byte != before
        ]
        uc.mem_write(data_base, bytes(pristine))
    yield STATE.pack(
        error,
        *state[:16],
        state[16] & FLAGS,
        state[17] & FPSCR,
        *state[18:],
        len(differences),
    )
    for difference in differences:
        yield DIFFERENCE.pack(*difference)


def begin_float_context(uc, base):
    """The first floating-point instruction (here VMRS R0, FPSCR) begins a context with a fresh FPSCR; no case shall."""
    uc.mem_write(base, bytes.fromhex("f1ee100a"))
    uc.emu_start(base | 1, base + 4)


def map_at(uc, base, content):
    size = (len(content) + 0xFFFF) & ~0xFFFF
    uc.mem_map(base, size)
    uc.mem_write(base, content)


def main(request_path, response_path):
    with open(request_path, "rb") as file:
        request = file.read()
    code_base, code_size, data_base, data_size = HEADER.unpack_from(request)
    at = HEADER.size
    code, at = request[at : at + code_size], at + code_size
    pristine, at = bytearray(request[at : at + data_size]), at + data_size
    machines = [MProfile(), AProfile()]
    for machine in machines:
        map_at(machine.uc, code_base, bytes(code_size))
        begin_float_context(machine.uc, code_base)
        machine.uc.mem_write(code_base, code)
        machine.uc.ctl_remove_cache(code_base, code_base + 4)
        map_at(machine.uc, data_base, bytes(pristine))
    with open(response_path, "wb") as response:
        for case in CASE.iter_unpack(request[at:]):
            machine = machines[case[0]]
            for piece in execute(machine, case, data_base, pristine):
                response.write(piece)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
