//! Z0 to Z4 (gdbstub's `breakpoints`).

use gdbstub::target::{
    TargetResult,
    ext::breakpoints::{
        Breakpoints, HwBreakpoint, HwBreakpointOps, HwWatchpoint, HwWatchpointOps, SwBreakpoint,
        SwBreakpointOps, WatchKind,
    },
};

use super::Debuggee;
use crate::{
    breakpoints::{Kind, Request},
    layout::Address,
};

impl Breakpoints for Debuggee {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

impl Debuggee {
    fn insert(&mut self, kind: Kind, address: u32, length: usize) -> TargetResult<bool, Self> {
        let request = request(kind, address, length);
        self.session
            .insert(request)
            .map(|()| true)
            .map_err(|fault| self.refuse(fault))
    }

    fn remove(&mut self, kind: Kind, address: u32, length: usize) -> TargetResult<bool, Self> {
        self.session.remove(request(kind, address, length));
        Ok(true)
    }
}

/// The dispatcher has seen to it that `length` fits into 32 bits.
fn request(kind: Kind, address: u32, length: usize) -> Request {
    Request {
        kind,
        address: Address(address),
        length: length as u32,
    }
}

/// Z2, Z3, Z4.
fn watched(kind: WatchKind) -> Kind {
    match kind {
        WatchKind::Write => Kind::Write,
        WatchKind::Read => Kind::Read,
        WatchKind::ReadWrite => Kind::Access,
    }
}

impl SwBreakpoint for Debuggee {
    fn add_sw_breakpoint(&mut self, address: u32, kind: usize) -> TargetResult<bool, Self> {
        self.insert(Kind::Software, address, kind)
    }

    fn remove_sw_breakpoint(&mut self, address: u32, kind: usize) -> TargetResult<bool, Self> {
        self.remove(Kind::Software, address, kind)
    }
}

impl HwBreakpoint for Debuggee {
    fn add_hw_breakpoint(&mut self, address: u32, kind: usize) -> TargetResult<bool, Self> {
        self.insert(Kind::Hardware, address, kind)
    }

    fn remove_hw_breakpoint(&mut self, address: u32, kind: usize) -> TargetResult<bool, Self> {
        self.remove(Kind::Hardware, address, kind)
    }
}

impl HwWatchpoint for Debuggee {
    fn add_hw_watchpoint(
        &mut self,
        address: u32,
        length: u32,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        self.insert(watched(kind), address, length as usize)
    }

    fn remove_hw_watchpoint(
        &mut self,
        address: u32,
        length: u32,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        self.remove(watched(kind), address, length as usize)
    }
}
