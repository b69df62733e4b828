//! xspi-gdb: a GDB server for firmware that executes in place from external flash.
