//! vFlashErase, vFlashWrite, vFlashDone (gdbstub's `flash`): GDB's `load` and `flash-erase`.
//!
//! The first two only collect; everything is done, by difference and verified, at vFlashDone, the one packet of the three for
//! which GDB waits as long as it takes.

use gdbstub::target::{TargetResult, ext::flash::Flash};

use super::Debuggee;
use crate::{
    flash::Report,
    gdb::{events::Event, meanwhile::Meanwhile},
    layout::Address,
};

impl Debuggee {
    /// Tells everybody what was programmed.
    pub fn loaded(&mut self, report: &Report) {
        tracing::info!("{report}");
        self.exchange.said.push(report.to_string());
        self.company.events.tell(&Event::load(report));
    }
}

impl Flash for Debuggee {
    fn flash_erase(&mut self, address: u32, length: u32) -> TargetResult<(), Self> {
        self.session.flash_erase(Address(address), length);
        Ok(())
    }

    fn flash_write(&mut self, address: u32, data: &[u8]) -> TargetResult<(), Self> {
        self.session.flash_write(Address(address), data);
        Ok(())
    }

    fn flash_done(&mut self) -> TargetResult<(), Self> {
        let mut meanwhile = Meanwhile::new(&mut self.company, &self.snapshot);
        let report = self.session.flash_done(&mut meanwhile);
        match report {
            Ok(report) => {
                self.loaded(&report);
                Ok(())
            }
            Err(fault) => Err(self.refuse(fault)),
        }
    }
}
