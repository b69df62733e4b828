//! A host that wiggles the wire, against a port without a chip behind it.

use super::*;
use crate::{
    bus::{BusError, Width},
    debug_port::{Port, Requester, dp},
    mishap::Mishap,
};

/// Nothing answers.
struct Nowhere;

impl System for Nowhere {
    fn read(&mut self, _: Requester, _: u32, _: Width) -> Result<u32, BusError> {
        Err(BusError::Refused)
    }

    fn write(&mut self, _: Requester, _: u32, _: Width, _: u32) -> Result<(), BusError> {
        Err(BusError::Refused)
    }

    fn enabled(&self, _: Port) -> bool {
        true
    }
}

#[derive(Default)]
struct Host {
    line: Line,
    port: DebugPort,
}

impl Host {
    fn out(&mut self, count: u32, bits: u64) {
        for index in 0..count {
            let bit = Some(bits >> index & 1 == 1);
            self.line.clock(bit, &mut self.port, &mut Nowhere);
        }
    }

    fn input(&mut self, count: u32) -> u64 {
        (0..count).fold(0, |word, index| {
            let bit = self.line.clock(None, &mut self.port, &mut Nowhere);
            word | u64::from(bit) << index
        })
    }

    fn disturb(&mut self, words: &str) {
        match words.parse() {
            Ok(Mishap::Answer(disturbance)) => self.port.disturbances_mut().add(disturbance),
            other => panic!("{other:?}"),
        }
    }

    fn select_swd(&mut self) {
        self.out(51, u64::MAX);
        self.out(16, 0xE79E);
        self.line_reset();
    }

    fn line_reset(&mut self) {
        self.out(51, u64::MAX);
        self.out(3, 0);
    }

    /// Request, turnaround and acknowledge.
    fn request(&mut self, bits: u8) -> u64 {
        self.out(8, bits.into());
        self.input(4) >> 1
    }

    fn read(&mut self, request: u8) -> (u64, u32) {
        let acknowledge = self.request(request);
        let data = self.input(33);
        assert_eq!(data.count_ones() & 1, 0, "parity");
        self.input(1);
        (acknowledge, data as u32)
    }

    fn write(&mut self, request: u8, value: u32) -> u64 {
        let acknowledge = self.request(request);
        self.input(1);
        let parity = u64::from(value.count_ones() & 1);
        self.out(33, u64::from(value) | parity << 32);
        acknowledge
    }
}

const READ_DPIDR: u8 = 0xA5;
const READ_CTRL_STAT: u8 = 0x8D;
const WRITE_CTRL_STAT: u8 = 0xA9;
const WRITE_ABORT: u8 = 0x81;
const READ_AP_0: u8 = 0x87;
const READ_AP_C: u8 = 0x9F;
const WRITE_TARGETSEL: u8 = 0x99;
const OK: u64 = 1;
const FAULT: u64 = 4;
const NOBODY: u64 = 7;

#[test]
fn identification_follows_a_line_reset_and_an_idle_cycle() {
    let mut host = Host::default();
    host.out(51, u64::MAX);
    host.out(1, 0);
    assert_eq!(host.request(READ_DPIDR), NOBODY, "JTAG is selected");
    host.select_swd();
    assert_eq!(host.read(READ_DPIDR), (OK, dp::DPIDR));
    host.out(51, u64::MAX);
    assert_eq!(host.request(READ_DPIDR), NOBODY, "the line never was low");
    host.line_reset();
    assert_eq!(host.request(READ_CTRL_STAT), NOBODY, "DPIDR comes first");
}

#[test]
fn words_go_both_ways_back_to_back() {
    let mut host = Host::default();
    host.select_swd();
    host.read(READ_DPIDR);
    assert_eq!(host.write(WRITE_CTRL_STAT, 0x5000_0000), OK);
    assert_eq!(host.read(READ_CTRL_STAT), (OK, 0xF000_0000));
    assert_eq!(host.read(READ_DPIDR), (OK, dp::DPIDR));
}

#[test]
fn a_wrong_parity_silences_a_request_and_faults_a_word() {
    let mut host = Host::default();
    host.select_swd();
    host.read(READ_DPIDR);
    assert_eq!(host.request(READ_DPIDR ^ request::PARITY), NOBODY);
    assert_eq!(host.request(READ_DPIDR), NOBODY, "deaf until a line reset");
    host.line_reset();
    host.read(READ_DPIDR);
    assert_eq!(host.request(WRITE_CTRL_STAT), OK);
    host.input(1);
    host.out(33, 1 << 32 | 0x5000_0000);
    assert_eq!(host.read(READ_CTRL_STAT), (OK, 0x80), "WDATAERR");
    host.write(WRITE_ABORT, 1 << 3);
    assert_eq!(host.read(READ_CTRL_STAT), (OK, 0));
}

#[test]
fn a_refused_transfer_has_data_only_with_overrun_detection() {
    let mut host = Host::default();
    host.select_swd();
    host.read(READ_DPIDR);
    // Without power for the debug domain every AP access is refused.
    host.read(READ_AP_0);
    assert_eq!(host.request(READ_AP_0), FAULT);
    host.input(1);
    assert_eq!(host.read(READ_CTRL_STAT), (OK, 0x20), "STICKYERR");
    host.write(WRITE_ABORT, 1 << 2);
    host.write(WRITE_CTRL_STAT, 1);
    host.read(READ_AP_0);
    assert_eq!(host.request(READ_AP_C), FAULT);
    host.input(34);
    assert_eq!(host.read(READ_CTRL_STAT), (OK, 0x23), "and STICKYORUN");
}

#[test]
fn a_target_that_was_not_chosen_keeps_still() {
    let mut host = Host::default();
    host.select_swd();
    assert_eq!(host.write(WRITE_TARGETSEL, 0x1234_5677), NOBODY);
    assert_eq!(host.request(READ_DPIDR), NOBODY);
    host.line_reset();
    assert_eq!(host.write(WRITE_TARGETSEL, dp::TARGETID), NOBODY);
    assert_eq!(host.read(READ_DPIDR), (OK, dp::DPIDR));
}

#[test]
fn a_mishap_spoils_the_parity_on_the_wire() {
    let mut host = Host::default();
    host.select_swd();
    host.read(READ_DPIDR);
    host.disturb("parity nth 1");
    assert_eq!(host.write(WRITE_CTRL_STAT, 0x5000_0000), OK);
    assert_eq!(host.read(READ_CTRL_STAT), (OK, 0x80), "WDATAERR");
    host.write(WRITE_ABORT, 1 << 3);
    assert_eq!(host.write(WRITE_CTRL_STAT, 0x5000_0000), OK);
    host.disturb("parity ap nth 1");
    assert_eq!(host.request(READ_AP_0), OK);
    assert_eq!(host.input(33).count_ones() & 1, 1, "odd");
    host.input(1);
    assert_eq!(
        host.read(READ_CTRL_STAT).1 >> 28,
        0xF,
        "the port heard nothing of it"
    );
}
