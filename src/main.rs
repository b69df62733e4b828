//! Parses, runs, prints the fault or the cause chain, and exits with a code: 0 done, 1 refused or failed, 2 usage, 3 fault.

use std::process::ExitCode;

fn main() -> ExitCode {
    xspi_gdb::cli::main()
}
