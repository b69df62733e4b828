//! Who has the program's console and files where there are clients: this computer, or the GDB that controls.

use crate::semihosting::Host;

/// What commands with clients take beside the target.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct ClientHost {
    /// The program's semihosting calls are served by the GDB that controls, on its computer: its console, files where it runs.
    #[arg(long)]
    semihosting_gdb: bool,
}

impl ClientHost {
    pub(super) fn or(self, config: Option<bool>) -> Host {
        match self.semihosting_gdb || config == Some(true) {
            true => Host::Clients,
            false => Host::Ours,
        }
    }

    /// As --semihosting-gdb does.
    pub fn suggest_gdb(&mut self) {
        self.semihosting_gdb = true;
    }
}
