//! Options of `probe-rs run` that stand in people's Cargo configurations, and ask for what is done in any case.

/// Taken so that a runner line of `probe-rs run` works as it is.
#[derive(Debug, clap::Args)]
pub struct Compatible {
    /// SWD is the only protocol.
    #[arg(long, hide = true, value_parser = ["swd"])]
    protocol: Option<String>,
    /// What is programmed is always verified.
    #[arg(long, hide = true)]
    verify: bool,
    /// What is programmed already is never programmed again.
    #[arg(long, hide = true)]
    preverify: bool,
    /// Bytes beside the program are always kept.
    #[arg(long, hide = true)]
    restore_unwritten: bool,
    /// There is one chip.
    #[arg(long, hide = true)]
    allow_erase_all: bool,
    /// Nothing is asked.
    #[arg(long, hide = true)]
    non_interactive: bool,
    /// A bar is shown on a terminal only.
    #[arg(long, hide = true)]
    disable_progressbars: bool,
    /// Whether a loader has two buffers is the loader's affair.
    #[arg(long, hide = true)]
    disable_double_buffering: bool,
    /// Faults are always caught.
    #[arg(long, hide = true)]
    catch_hardfault: bool,
    /// Resets are always noticed.
    #[arg(long, hide = true)]
    catch_reset: bool,
    /// Where the program is, is always shown.
    #[arg(long, hide = true)]
    always_print_stacktrace: bool,
}
