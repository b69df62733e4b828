//! The JTAG side against a small memory: one word that can be written, a hole that refuses and one that never answers.

use super::*;
use crate::{
    bus::{BusError, Width},
    debug_port::{DebugPort, Port, Requester, registers::abort},
};

const WORD: u32 = 0x2000_0000;
const STALLS: u32 = 0x7000_0000;
const POWER_UP: u32 = ctrl_stat::DEBUG_POWER_REQUEST | ctrl_stat::SYSTEM_POWER_REQUEST;
const ABORT: u16 = instruction::ABORT;
const DPACC: u16 = instruction::DPACC;
const APACC: u16 = instruction::APACC;
const BYPASS: u16 = 0b1111;
const CTRL_STAT: u8 = 0x4;
const SELECT: u8 = 0x8;
const RDBUFF: u8 = 0xC;
const TAR: u8 = 0x4;
const DRW: u8 = 0xC;

struct Memory(u32);

impl System for Memory {
    fn read(&mut self, _: Requester, address: u32, _: Width) -> Result<u32, BusError> {
        match address {
            WORD => Ok(self.0),
            STALLS => Err(BusError::Stalled),
            _ => Err(BusError::Refused),
        }
    }

    fn write(&mut self, _: Requester, address: u32, _: Width, value: u32) -> Result<(), BusError> {
        match address {
            WORD => self.0 = value,
            STALLS => return Err(BusError::Stalled),
            _ => return Err(BusError::Refused),
        }
        Ok(())
    }

    fn enabled(&self, _: Port) -> bool {
        true
    }
}

struct Host {
    port: DebugPort,
    memory: Memory,
}

impl Host {
    fn new() -> Self {
        let mut host = Self {
            port: DebugPort::default(),
            memory: Memory(0),
        };
        host.walk("111110");
        host
    }

    /// Powered up, AP1 selected.
    fn connected() -> Self {
        let mut host = Self::new();
        host.scan(DPACC, CTRL_STAT, Some(POWER_UP));
        host.scan(DPACC, SELECT, Some(1 << 24));
        host
    }

    fn clock(&mut self, mode: bool, data: bool) -> bool {
        let low = Pins {
            clock: false,
            mode,
            data,
        };
        self.port.drive(low, &mut self.memory);
        let data_out = self.port.data_out();
        self.port
            .drive(Pins { clock: true, ..low }, &mut self.memory);
        data_out
    }

    fn walk(&mut self, modes: &str) {
        for mode in modes.bytes() {
            self.clock(mode == b'1', true);
        }
    }

    /// From Shift to Run-Test/Idle; what came out.
    fn shift(&mut self, bits: u128, length: u32) -> u128 {
        let mut out = 0;
        for index in 0..length {
            let bit = self.clock(index + 1 == length, bits >> index & 1 == 1);
            out |= u128::from(bit) << index;
        }
        self.walk("10");
        out
    }

    fn instruction(&mut self, port: u16) -> u128 {
        self.walk("1100");
        self.shift(u128::from(port) | 0b11111 << 4, 9)
    }

    fn data(&mut self, bits: u128, length: u32) -> u128 {
        self.walk("100");
        self.shift(bits, length)
    }

    /// One access; a read without `value`. What the scan brought: acknowledge and result of the access before.
    fn scan(&mut self, register: u16, address: u8, value: Option<u32>) -> (u128, u32) {
        self.instruction(register);
        let request = u128::from(value.unwrap_or(0)) << 3
            | u128::from(address >> 1)
            | u128::from(value.is_none());
        let out = self.data(request, ACCESS_BITS + 1);
        (out & 0b111, (out >> 3) as u32)
    }

    fn read(&mut self, register: u16, address: u8) -> u32 {
        self.scan(register, address, None);
        let (acknowledge, value) = self.scan(DPACC, RDBUFF, None);
        assert_eq!(acknowledge, OK_OR_FAULT);
        value
    }
}

#[test]
fn the_chain_has_two_taps_and_the_debug_port_leaves_first() {
    let mut host = Host::new();
    let out = host.data(u128::MAX, 96);
    assert_eq!(out as u32, IDCODE);
    assert_eq!((out >> 32) as u32, BOUNDARY_IDCODE);
    assert_eq!((out >> 64) as u32, u32::MAX);
    assert_eq!(host.instruction(BYPASS), 0b00001 << 4 | 0b0001);
    assert_eq!(host.data(0b1011, 6), 0b101100);
    host.walk("11111");
    host.walk("0");
    assert_eq!(host.data(0, 64) as u32, IDCODE);
}

#[test]
fn results_come_with_the_next_scan() {
    let mut host = Host::connected();
    assert_eq!(host.read(DPACC, 0x0), DPIDR);
    assert_eq!(host.read(DPACC, CTRL_STAT), 0xF000_0000);
    assert_eq!(host.read(DPACC, SELECT), 1 << 24);
    host.scan(APACC, TAR, Some(WORD));
    host.scan(APACC, DRW, Some(0x1234_5678));
    assert_eq!(host.memory.0, 0x1234_5678);
    host.scan(APACC, DRW, None);
    assert_eq!(host.scan(APACC, TAR, None), (OK_OR_FAULT, 0x1234_5678));
    assert_eq!(host.scan(DPACC, RDBUFF, None), (OK_OR_FAULT, WORD));
    assert_eq!(host.scan(DPACC, RDBUFF, None), (OK_OR_FAULT, 0));
}

#[test]
fn a_sticky_error_drops_accesses_until_it_is_cleared() {
    let mut host = Host::connected();
    for clear in [DPACC, ABORT] {
        host.scan(APACC, TAR, Some(0x1000_0000));
        host.scan(APACC, DRW, None);
        assert_eq!(host.scan(APACC, TAR, Some(WORD)).0, OK_OR_FAULT);
        let status = host.read(DPACC, CTRL_STAT);
        assert_eq!(status, 0xF000_0000 | ctrl_stat::STICKY_ERROR);
        if clear == DPACC {
            host.scan(DPACC, CTRL_STAT, Some(status));
        } else {
            host.scan(ABORT, 0, Some(abort::CLEAR_ERROR));
        }
        assert_eq!(host.read(DPACC, CTRL_STAT), 0xF000_0000);
        assert_eq!(host.read(APACC, TAR), 0x1000_0000, "the write was dropped");
    }
}

#[test]
fn a_stalled_bus_says_wait_until_the_abort() {
    let mut host = Host::connected();
    host.scan(DPACC, CTRL_STAT, Some(POWER_UP | ctrl_stat::OVERRUN_DETECT));
    host.scan(APACC, TAR, Some(STALLS));
    host.scan(APACC, DRW, None);
    assert_eq!(host.scan(DPACC, SELECT, Some(0)).0, WAIT);
    assert_eq!(host.scan(APACC, TAR, Some(WORD)).0, WAIT);
    host.scan(ABORT, 0, Some(abort::DAP_ABORT));
    assert_eq!(
        host.read(DPACC, CTRL_STAT) & ctrl_stat::STICKY,
        ctrl_stat::STICKY_OVERRUN
    );
    assert_eq!(host.read(DPACC, SELECT), 1 << 24, "discarded");
    host.scan(ABORT, 0, Some(abort::CLEAR_OVERRUN));
    host.scan(APACC, TAR, Some(WORD));
    assert_eq!(host.read(APACC, DRW), 0);
}

#[test]
fn both_sides_reach_the_same_registers() {
    let mut host = Host::connected();
    host.scan(APACC, TAR, Some(WORD));
    let ones = (1 << 51) - 1;
    for (count, bits) in [(51, ones), (16, 0xE79E), (54, ones)] {
        host.port.sequence(count, bits, &mut host.memory);
    }
    let read = |host: &mut Host, register| host.port.read(register, &mut host.memory);
    use crate::debug_port::Register::{Access, Debug};
    assert_eq!(read(&mut host, Debug(0)), Ok(DPIDR));
    assert_eq!(read(&mut host, Access(TAR)), Ok(0));
    assert_eq!(read(&mut host, Debug(RDBUFF)), Ok(WORD));
    assert_eq!(host.data(u128::MAX, 64), u64::MAX.into(), "deaf on JTAG");
    for (count, bits) in [(51, ones), (16, 0xE73C)] {
        host.port.sequence(count, bits, &mut host.memory);
    }
    host.walk("111110");
    assert_eq!(host.data(u128::MAX, 64) as u32, IDCODE);
    assert_eq!(host.read(APACC, TAR), WORD);
}
