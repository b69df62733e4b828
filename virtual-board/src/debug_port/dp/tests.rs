//! The debug port against a small memory: 8 KB at 0x2000_0000, a hole that refuses and one that never answers.

use super::*;
use crate::{
    bus::{BusError, Width},
    debug_port::{Port, Requester, registers::abort},
    mishap::Mishap,
};

const RAM: u32 = 0x2000_0000;
const STALLS: u32 = 0x7000_0000;
const CSW: u8 = 0x0;
const TAR: u8 = 0x4;
const DRW: u8 = 0xC;
const POWER_UP: u32 = ctrl_stat::DEBUG_POWER_REQUEST | ctrl_stat::SYSTEM_POWER_REQUEST;

struct Memory(Vec<u8>);

impl System for Memory {
    fn read(&mut self, _: Requester, address: u32, width: Width) -> Result<u32, BusError> {
        if address == STALLS {
            return Err(BusError::Stalled);
        }
        let offset = address.wrapping_sub(RAM) as usize;
        let bytes = self
            .0
            .get(offset..offset + width.bytes() as usize)
            .ok_or(BusError::Refused)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    fn write(
        &mut self,
        _: Requester,
        address: u32,
        width: Width,
        value: u32,
    ) -> Result<(), BusError> {
        let offset = address.wrapping_sub(RAM) as usize;
        let bytes = self
            .0
            .get_mut(offset..offset + width.bytes() as usize)
            .ok_or(BusError::Refused)?;
        bytes.copy_from_slice(&value.to_le_bytes()[..width.bytes() as usize]);
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
    /// Connected, powered up, AP1 selected.
    fn connected() -> Self {
        let mut host = Self {
            port: DebugPort::default(),
            memory: Memory(vec![0; 0x2000]),
        };
        host.reset_line();
        host.sequence(51, 0x0007_FFFF_FFFF_FFFF);
        host.sequence(16, 0xE79E);
        host.reset_line();
        assert_eq!(host.read(Register::Debug(0)), Ok(DPIDR));
        host.write(Register::Debug(4), POWER_UP).unwrap();
        host.write(Register::Debug(8), 1 << 24).unwrap();
        host
    }

    fn sequence(&mut self, count: u8, bits: u64) {
        self.port.sequence(count, bits, &mut self.memory);
    }

    fn reset_line(&mut self) {
        self.sequence(54, 0x0007_FFFF_FFFF_FFFF);
    }

    fn disturb(&mut self, words: &str) {
        match words.parse() {
            Ok(Mishap::Answer(disturbance)) => self.port.disturbances_mut().add(disturbance),
            other => panic!("{other:?}"),
        }
    }

    fn read(&mut self, register: Register) -> Result<u32, Acknowledge> {
        self.port.read(register, &mut self.memory)
    }

    fn write(&mut self, register: Register, value: u32) -> Result<(), Acknowledge> {
        self.port.write(register, value, &mut self.memory)
    }

    /// An AP read with the RDBUFF read that fetches its result.
    fn ap(&mut self, address: u8) -> Result<u32, Acknowledge> {
        self.read(Register::Access(address))?;
        self.read(Register::Debug(0xC))
    }
}

#[test]
fn nothing_answers_before_the_line_reset_and_the_identification() {
    let mut host = Host {
        port: DebugPort::default(),
        memory: Memory(Vec::new()),
    };
    assert_eq!(host.read(Register::Debug(0)), Err(Acknowledge::Silent));
    host.sequence(51, 0x0007_FFFF_FFFF_FFFF);
    host.sequence(16, 0xE79E);
    host.reset_line();
    assert_eq!(host.read(Register::Debug(4)), Err(Acknowledge::Silent));
    assert_eq!(host.read(Register::Debug(0)), Err(Acknowledge::Silent));
    host.reset_line();
    assert_eq!(host.read(Register::Debug(0)), Ok(DPIDR));
    assert_eq!(host.read(Register::Debug(4)), Ok(0));
}

#[test]
fn banks_of_register_four() {
    let mut host = Host::connected();
    for (bank, value) in [(1, 0x40), (2, TARGETID), (3, 1), (4, 0), (9, 0)] {
        host.write(Register::Debug(8), bank).unwrap();
        assert_eq!(host.read(Register::Debug(4)), Ok(value));
    }
    host.reset_line();
    host.read(Register::Debug(0)).unwrap();
    assert_eq!(host.read(Register::Debug(4)).unwrap() >> 28, 0xF);
}

#[test]
fn another_target_is_deselected_until_the_next_line_reset() {
    let mut host = Host::connected();
    host.reset_line();
    assert_eq!(
        host.write(Register::Debug(0xC), 0x0100_2927),
        Err(Acknowledge::Silent)
    );
    assert_eq!(host.read(Register::Debug(0)), Err(Acknowledge::Silent));
    host.reset_line();
    let _ = host.write(Register::Debug(0xC), TARGETID);
    assert_eq!(host.read(Register::Debug(0)), Ok(DPIDR));
}

#[test]
fn reads_are_posted() {
    let mut host = Host::connected();
    for (offset, value) in [(0, 11), (4, 22)] {
        host.write(Register::Access(TAR), RAM + offset).unwrap();
        host.write(Register::Access(DRW), value).unwrap();
    }
    host.write(Register::Access(CSW), 0x2300_0012).unwrap();
    host.write(Register::Access(TAR), RAM).unwrap();
    host.read(Register::Access(DRW)).unwrap();
    assert_eq!(host.read(Register::Access(DRW)), Ok(11));
    assert_eq!(host.read(Register::Debug(0xC)), Ok(22));
    assert_eq!(host.read(Register::Debug(8)), Ok(22));
}

#[test]
fn the_address_wraps_inside_one_kilobyte() {
    let mut host = Host::connected();
    host.write(Register::Access(CSW), 0x2300_0012).unwrap();
    host.write(Register::Access(TAR), RAM + 0x7FC).unwrap();
    host.write(Register::Access(DRW), 1).unwrap();
    host.write(Register::Access(DRW), 2).unwrap();
    assert_eq!(host.ap(TAR), Ok(RAM + 0x404));
    host.write(Register::Access(TAR), RAM + 0x400).unwrap();
    assert_eq!(host.ap(DRW), Ok(2));
}

#[test]
fn bytes_travel_in_their_lanes_and_packed() {
    let mut host = Host::connected();
    host.write(Register::Access(CSW), 0x2300_0010).unwrap();
    host.write(Register::Access(TAR), RAM + 1).unwrap();
    host.write(Register::Access(DRW), 0x4433_2211).unwrap();
    host.write(Register::Access(DRW), 0x8877_6655).unwrap();
    assert_eq!(host.memory.0[..4], [0, 0x22, 0x77, 0]);
    host.write(Register::Access(CSW), 0x2300_0020).unwrap();
    host.write(Register::Access(TAR), RAM).unwrap();
    host.write(Register::Access(DRW), 0x0403_0201).unwrap();
    assert_eq!(host.memory.0[..4], [1, 2, 3, 4]);
    assert_eq!(host.ap(TAR), Ok(RAM + 4));
}

#[test]
fn banked_data_registers_leave_the_address_alone() {
    let mut host = Host::connected();
    host.write(Register::Access(TAR), RAM + 0x20).unwrap();
    host.write(Register::Debug(8), 1 << 24 | 0x10).unwrap();
    host.write(Register::Access(0x8), 0xCAFE_F00D).unwrap();
    assert_eq!(host.memory.0[0x28..0x2C], 0xCAFE_F00D_u32.to_le_bytes());
    assert_eq!(host.ap(0x8), Ok(0xCAFE_F00D));
    host.write(Register::Debug(8), 1 << 24).unwrap();
    assert_eq!(host.ap(TAR), Ok(RAM + 0x20));
}

#[test]
fn an_error_sticks_until_it_is_cleared() {
    let mut host = Host::connected();
    host.write(Register::Access(TAR), 0x1000_0000).unwrap();
    assert_eq!(host.ap(DRW), Err(Acknowledge::Fault));
    assert_eq!(
        host.write(Register::Access(TAR), RAM),
        Err(Acknowledge::Fault)
    );
    let status = host.read(Register::Debug(4)).unwrap();
    assert_ne!(status & ctrl_stat::STICKY_ERROR, 0);
    host.write(Register::Debug(0), abort::CLEAR_ERROR).unwrap();
    host.write(Register::Access(TAR), RAM).unwrap();
    assert_eq!(host.ap(DRW), Ok(0));
}

#[test]
fn a_stalled_bus_says_wait_until_the_abort() {
    let mut host = Host::connected();
    host.write(Register::Access(TAR), STALLS).unwrap();
    assert_eq!(host.ap(DRW), Err(Acknowledge::Wait));
    assert_eq!(host.ap(CSW), Err(Acknowledge::Wait));
    assert!(host.read(Register::Debug(4)).is_ok());
    host.write(Register::Debug(0), abort::DAP_ABORT).unwrap();
    host.write(Register::Access(TAR), RAM).unwrap();
    assert_eq!(host.ap(DRW), Ok(0));
}

#[test]
fn without_power_or_without_the_port_there_is_nothing() {
    let mut host = Host::connected();
    host.write(Register::Debug(8), 2 << 24 | 0xF0).unwrap();
    assert_eq!(host.ap(DRW), Ok(0));
    host.write(Register::Debug(8), 1 << 24 | 0xF0).unwrap();
    assert_eq!(host.ap(0xC), Ok(0x8477_0001));
    assert_eq!(host.ap(0x8), Ok(0xE00F_E003));
    host.write(Register::Debug(8), 0xF0).unwrap();
    assert_eq!(host.ap(0x8), Ok(0xE00E_0003));
    host.write(Register::Debug(4), 0).unwrap();
    assert_eq!(host.ap(0xC), Err(Acknowledge::Fault));
}

#[test]
fn a_wait_by_mishap_ends_by_itself_or_by_an_abort() {
    let mut host = Host::connected();
    host.disturb("wait ap next 2");
    host.write(Register::Debug(8), 1 << 24).unwrap();
    assert_eq!(host.read(Register::Access(CSW)), Err(Acknowledge::Wait));
    assert_eq!(
        host.read(Register::Debug(4)).unwrap() & ctrl_stat::STICKY,
        0
    );
    assert_eq!(host.read(Register::Access(CSW)), Err(Acknowledge::Wait));
    host.ap(CSW).unwrap();

    host.disturb("wait next 1000000");
    assert_eq!(
        host.write(Register::Access(TAR), RAM),
        Err(Acknowledge::Wait)
    );
    host.write(Register::Debug(0), abort::DAP_ABORT).unwrap();
    host.write(Register::Access(TAR), RAM).unwrap();
    assert_eq!(host.ap(TAR), Ok(RAM));
}

#[test]
fn a_fault_by_mishap_lasts_until_its_flag_is_cleared() {
    let mut host = Host::connected();
    host.write(Register::Access(TAR), RAM).unwrap();
    host.disturb("fault ap nth 2");
    host.write(Register::Access(DRW), 7).unwrap();
    assert_eq!(
        host.write(Register::Access(DRW), 8),
        Err(Acknowledge::Fault)
    );
    assert_eq!(host.read(Register::Access(DRW)), Err(Acknowledge::Fault));
    let status = host.read(Register::Debug(4)).unwrap();
    assert_eq!(status & ctrl_stat::STICKY, ctrl_stat::STICKY_ERROR);
    host.write(Register::Debug(0), abort::CLEAR_ERROR).unwrap();
    assert_eq!(host.ap(TAR), Ok(RAM), "the second write was not made");
    assert_eq!(host.ap(DRW), Ok(7));
}

#[test]
fn a_wrong_parity_spoils_what_is_read_and_drops_what_is_written() {
    let mut host = Host::connected();
    host.write(Register::Access(CSW), 0x2300_0012).unwrap();
    host.write(Register::Access(TAR), RAM).unwrap();
    host.disturb("parity ap next 2");
    assert_eq!(host.read(Register::Access(DRW)), Err(Acknowledge::Corrupt));
    assert_eq!(
        host.write(Register::Access(TAR), RAM),
        Ok(()),
        "the acknowledge came before"
    );
    let status = host.read(Register::Debug(4)).unwrap();
    assert_eq!(status & ctrl_stat::STICKY, ctrl_stat::WRITE_DATA_ERROR);
    assert_eq!(host.read(Register::Access(TAR)), Err(Acknowledge::Fault));
    host.write(Register::Debug(0), abort::CLEAR_WRITE_DATA)
        .unwrap();
    assert_eq!(
        host.ap(TAR),
        Ok(RAM + 4),
        "the read was made, the write was not"
    );
}

#[test]
fn a_request_that_was_not_understood_asks_for_a_line_reset() {
    let mut host = Host::connected();
    host.disturb("silence nth 1");
    assert_eq!(host.read(Register::Access(CSW)), Err(Acknowledge::Silent));
    assert_eq!(host.read(Register::Debug(4)), Err(Acknowledge::Silent));
    host.reset_line();
    assert_eq!(host.read(Register::Debug(0)), Ok(DPIDR));
    assert_eq!(
        host.read(Register::Debug(4)).unwrap() >> 28,
        0xF,
        "the power stayed on"
    );
}

#[test]
fn mishaps_outlive_the_power() {
    let mut host = Host::connected();
    host.disturb("fault next 1");
    host.port.power_cycle();
    assert_eq!(host.read(Register::Debug(0)), Err(Acknowledge::Silent));
    host.sequence(51, 0x0007_FFFF_FFFF_FFFF);
    host.sequence(16, 0xE79E);
    host.reset_line();
    host.read(Register::Debug(0)).unwrap();
    assert_eq!(
        host.write(Register::Debug(4), POWER_UP),
        Err(Acknowledge::Fault)
    );
}
