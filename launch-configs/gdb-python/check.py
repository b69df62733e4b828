"""Runs inside of GDB: loads the appli, runs to a function, checks a variable, and ends GDB with an exit code.

    xspi-gdb exec --probe virtual -- gdb-multiarch -nx -batch -x check.py build/appli.elf

`exec` starts the server and tells its port in XSPI_GDB_PORT. Elsewhere, set it to the port of `xspi-gdb serve`.
"""

import os

import gdb

FUNCTION = "work"
VARIABLE = "appli::COUNTER"


def check():
    gdb.execute("set confirm off")
    gdb.execute("set pagination off")
    gdb.execute("target extended-remote :" + os.environ["XSPI_GDB_PORT"])
    gdb.execute("load")
    gdb.Breakpoint(FUNCTION)
    for rounds in range(3):
        gdb.execute("continue")
        function = gdb.selected_frame().name()
        value = int(gdb.parse_and_eval(VARIABLE))
        print(f"{function}: {VARIABLE} is {value}")
        if not function.endswith(FUNCTION) or value != rounds:
            return 1
    return 0


try:
    code = check()
except gdb.error as error:
    print(f"error: {error}")
    code = 3
gdb.execute(f"quit {code}")
