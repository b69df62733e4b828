"""Drives GDB from outside by pygdbmi: loads the appli, runs to a function, checks a variable.

    pip install pygdbmi
    xspi-gdb exec --probe virtual -- python3 check.py build/appli.elf

`exec` starts the server and tells its port in XSPI_GDB_PORT. Elsewhere, set it to the port of `xspi-gdb serve`.
"""

import os
import sys

from pygdbmi.gdbcontroller import GdbController

PATIENCE = 60
FUNCTION = "work"
VARIABLE = "appli::COUNTER"


class Gdb:
    def __init__(self, elf):
        program = os.environ.get("GDB", "gdb-multiarch")
        self.mi = GdbController([program, "--nx", "--quiet", "--interpreter=mi3", elf])
        self.seen = []

    def ask(self, command):
        """The result of a command; what else GDB says is kept."""
        self.mi.write(command, read_response=False)
        return self.until(lambda record: record["type"] == "result")

    def stopped(self):
        """The next stop."""
        return self.until(lambda record: record["message"] == "stopped")["payload"]

    def until(self, wanted):
        while True:
            for index, record in enumerate(self.seen):
                if wanted(record):
                    del self.seen[index]
                    if record["message"] == "error":
                        sys.exit(f"error: {record['payload']['msg']}")
                    return record
            self.seen += self.mi.get_gdb_response(timeout_sec=PATIENCE)


def main():
    gdb = Gdb(sys.argv[1])
    gdb.ask("-gdb-set mi-async on")
    gdb.ask("-target-select extended-remote :" + os.environ["XSPI_GDB_PORT"])
    gdb.ask("-target-download")
    gdb.ask(f"-break-insert {FUNCTION}")
    # What connecting and loading stopped at is not what is waited for.
    gdb.seen.clear()
    gdb.ask("-exec-continue")
    frame = gdb.stopped()["frame"]
    value = int(gdb.ask(f"-data-evaluate-expression {VARIABLE}")["payload"]["value"])
    print(f"{frame['func']}: {VARIABLE} is {value}")
    gdb.mi.exit()
    return 0 if frame["func"].endswith(FUNCTION) and value == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
