//! `xspi-gdb fault`: the fault that the core is in, explained, for a board that nobody watched when it happened.

use std::process::ExitCode;

use super::{Outcome, target::Target};
use crate::{
    session::{Leave, Session},
    verbs,
};

/// Explain the fault that the core is in: what, where, the instruction, its registers, backtrace.
///
/// The core is looked at where it is and goes on as it did. Functions and lines need --appli.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb fault --board stm32h7s78-dk --appli build/appli.elf")]
pub struct Explanation {
    #[command(flatten)]
    target: Target,
}

impl Explanation {
    /// Does it.
    pub fn run(self) -> Outcome {
        let mut opened = self.target.open()?;
        opened.settings.on_attach = crate::session::OnAttach::Run;
        let mut session = opened.session()?;
        let was_running = !session.is_halted();
        let told = tell(&mut session);
        super::print_notices(&mut session);
        let left = session.close(match was_running {
            true => Leave::Running,
            false => Leave::Halted,
        });
        println!("{}", told?);
        left?;
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(session: &mut Session) -> Result<String, crate::fault::Fault> {
    session.halt()?;
    Ok(match verbs::fault(session)? {
        Some(report) => report.to_string().trim_end().to_owned(),
        None => format!(
            "the core is in no fault; it is at {}",
            session.last_stop().pc
        ),
    })
}
