//! What commands do to the chip: writes, erases and programs, which take time, and their suspension and interruption.

use super::{E_FAIL, ERASE_SUSPENDED, Mode, Nor, P_FAIL, PROGRAM_SUSPENDED, WEL};
use crate::{
    clock::Time,
    mishap::{self, Blow, Failing, Strike},
    nor::opcode::{Command, Family},
};

/// An erase or program that takes time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) length: u32,
    pub(super) until: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Erase,
    Program,
    /// Register write or reset: nothing to spoil.
    Register,
}

impl Nor {
    fn begin(&mut self, kind: Kind, start: u32, length: u32, now: Time, duration: Time) {
        let operation = Operation {
            kind,
            start,
            length,
            until: now + duration,
        };
        self.operation = Some(operation);
        let blows = match kind {
            Kind::Erase => self.ambushes.spring(mishap::Operation::Erase),
            Kind::Program => self.ambushes.spring(mishap::Operation::Program),
            Kind::Register => Vec::new(),
        };
        for blow in blows {
            match blow {
                Blow::Event(event) => self.strikes.push(Strike {
                    at: now + Time(duration.0 / 2),
                    event,
                }),
                Blow::Failing(Failing::Stuck) => self.stuck = true,
                Blow::Failing(Failing::Failed) => {
                    self.spoil(operation);
                    self.registers.security |= if kind == Kind::Erase { E_FAIL } else { P_FAIL };
                }
            }
        }
    }

    /// Leaves a half-done operation as real cells would be: neither old nor new.
    pub(super) fn spoil(&mut self, operation: Operation) {
        match operation.kind {
            Kind::Erase => {
                let bytes = self.part.page();
                for page in (operation.start..operation.start + operation.length)
                    .step_by(bytes as usize)
                    .skip(1)
                    .step_by(2)
                    .take(512)
                {
                    for at in page..page + bytes {
                        self.array.set(at, at as u8 & 0x5A);
                    }
                }
            }
            Kind::Program => {
                let before = self.page_before.iter().copied();
                let changed: Vec<(u32, u8)> = (operation.start..)
                    .zip(before)
                    .filter(|&(at, old)| self.array.byte(at) != old)
                    .collect();
                let (_, undone) = changed.split_at(changed.len() / 2);
                for (index, &(at, old)) in undone.iter().enumerate() {
                    let new = self.array.byte(at);
                    let some_bits = if index == 0 { old & (new | 0x55) } else { old };
                    self.array.set(at, some_bits);
                }
            }
            Kind::Register => {}
        }
    }

    pub(super) fn soft_reset(&mut self, now: Time) {
        if self.stuck {
            return;
        }
        self.strikes.clear();
        let recovery = match self.operation.take().filter(|running| now < running.until) {
            Some(operation) => {
                self.spoil(operation);
                self.part.reset_busy
            }
            None => self.part.reset_idle,
        };
        if let Some((operation, _)) = self.suspended.take() {
            self.spoil(operation);
        }
        self.return_to_power_on();
        self.begin(Kind::Register, 0, 0, now, recovery);
    }

    pub(super) fn allowed_while_busy(command: Command) -> bool {
        matches!(
            command,
            Command::ReadStatus
                | Command::ReadStatus2
                | Command::ReadStatus3
                | Command::ReadConfiguration
                | Command::ReadSecurity
                | Command::Suspend
                | Command::ResetEnable
                | Command::Reset
                | Command::NoOperation
        )
    }

    /// Carries out a command that is not a read: header and data as one stream of bytes.
    pub(super) fn execute(&mut self, stream: &[u8], now: Time) -> Option<()> {
        let (entry, opcode_bytes) = self.decode(stream)?;
        let arguments = stream.get(opcode_bytes..)?;
        let (address, data) = arguments.split_at_checked(entry.address_bytes.into())?;
        let address = address
            .iter()
            .fold(0u32, |address, &byte| address << 8 | u32::from(byte));
        if self.busy(now) && !Self::allowed_while_busy(entry.command) {
            return None;
        }
        if self.powered_down && entry.command != Command::ReleasePowerDown {
            return None;
        }
        let reset_enabled = std::mem::take(&mut self.reset_enabled);
        match entry.command {
            Command::WriteEnable => self.registers.status |= WEL,
            Command::WriteDisable => self.registers.status &= !WEL,
            Command::WriteEnableVolatile => self.registers.volatile_write = true,
            Command::ResetEnable => self.reset_enabled = true,
            Command::Reset if reset_enabled => self.soft_reset(now),
            Command::Suspend => self.suspend(now),
            Command::Resume => self.resume(now),
            Command::PowerDown => self.powered_down = true,
            Command::ReleasePowerDown => self.powered_down = false,
            Command::NoOperation => {}
            Command::Program => return self.program(address, data, now),
            Command::EraseSector => return self.erase(address, 0x1000, now),
            Command::EraseHalfBlock => return self.erase(address, 0x8000, now),
            Command::EraseBlock => return self.erase(address, 0x1_0000, now),
            Command::EraseChip => {
                let duration = self.part.sfdp.chip_erase_time();
                return self.erase_range(0, self.part.size(), duration, now);
            }
            Command::WriteStatus => return self.write_status(data, now),
            Command::WriteStatus2 => {
                return self.write_winbond(&[None, data.first().copied(), None], now);
            }
            Command::WriteStatus3 => {
                return self.write_winbond(&[None, None, data.first().copied()], now);
            }
            Command::WriteConfiguration2 => return self.write_configuration2(address, data),
            _ => return None,
        }
        Some(())
    }

    fn write_enabled(&self) -> Option<()> {
        (self.registers.status & WEL != 0).then_some(())
    }

    fn program(&mut self, address: u32, data: &[u8], now: Time) -> Option<()> {
        self.write_enabled()?;
        let double_rate = self.mode() == Mode::Dopi;
        if data.is_empty() || double_rate && !data.len().is_multiple_of(2) {
            return None;
        }
        let page_bytes = self.part.page();
        let address = if double_rate { address & !1 } else { address } & (self.part.size() - 1);
        let page = address & !(page_bytes - 1);
        if self.is_protected(page, page_bytes) {
            self.registers.security |= P_FAIL;
            self.registers.status &= !WEL;
            return Some(());
        }
        self.registers.security &= !P_FAIL;
        self.array.load(page, &mut self.page_before);
        // More than a page: only the last bytes sent, as many as a page has, are programmed.
        let first = data.len().saturating_sub(page_bytes as usize);
        for (at, &byte) in (0u32..).zip(data).skip(first) {
            let at = if double_rate { at ^ 1 } else { at };
            let target = page | address.wrapping_add(at) & (page_bytes - 1);
            let old = self.array.byte(target);
            self.array.set(target, old & byte);
        }
        self.counters.programmed_bytes += data.len().min(page_bytes as usize) as u64;
        let duration = self.part.sfdp.program_time();
        self.begin(Kind::Program, page, page_bytes, now, duration);
        Some(())
    }

    /// Erases what lies around `address`, in a size that the chip has.
    fn erase(&mut self, address: u32, length: u32, now: Time) -> Option<()> {
        let duration = self.part.sfdp.erase_time(length)?;
        let start = address & (self.part.size() - 1) & !(length - 1);
        self.erase_range(start, length, duration, now)
    }

    fn erase_range(&mut self, start: u32, length: u32, duration: Time, now: Time) -> Option<()> {
        self.write_enabled()?;
        if self.is_protected(start, length) {
            self.registers.security |= E_FAIL;
            self.registers.status &= !WEL;
            return Some(());
        }
        self.registers.security &= !E_FAIL;
        self.array.clear(start, length);
        self.counters.erased_sectors += 1;
        self.counters.erased_bytes += u64::from(length);
        self.begin(Kind::Erase, start, length, now, duration);
        Some(())
    }

    /// Status and configuration register, or the first two status registers. Takes its time only if a non-volatile bit changes: the
    /// sequence to octal DTR that the chip's own SFDP lists (and ST's boot stage v1.0.0 sends) has WRSR with unchanged bits and
    /// WREN behind it, without waiting.
    fn write_status(&mut self, data: &[u8], now: Time) -> Option<()> {
        let status = *data.first()?;
        if self.part.commands.family == Family::Winbond {
            return self.write_winbond(&[Some(status), data.get(1).copied(), None], now);
        }
        self.write_enabled()?;
        let second = if self.mode() == Mode::Dopi {
            None
        } else {
            data.get(1).copied()
        };
        if self.registers.write_macronix(status, second) {
            let duration = self.part.write_status;
            self.begin(Kind::Register, 0, 0, now, duration);
        } else {
            self.registers.status &= !WEL;
        }
        Some(())
    }

    /// Those of the three status registers that have a new value: at once and until power goes after 50h, for good after 06h.
    fn write_winbond(&mut self, values: &[Option<u8>; 3], now: Time) -> Option<()> {
        if self.part.commands.family != Family::Winbond || values.iter().all(Option::is_none) {
            return None;
        }
        if std::mem::take(&mut self.registers.volatile_write) {
            self.registers.write_volatile(values);
            return Some(());
        }
        self.write_enabled()?;
        self.registers.write_for_good(values);
        let duration = self.part.write_status;
        self.begin(Kind::Register, 0, 0, now, duration);
        Some(())
    }

    fn write_configuration2(&mut self, address: u32, data: &[u8]) -> Option<()> {
        self.write_enabled()?;
        // A pair D1, D0: the value is the second on the lines.
        let value = *if self.mode() == Mode::Dopi {
            data.get(1)
        } else {
            data.first()
        }?;
        *self.registers.configuration2_at(address)? = value;
        self.registers.status &= !WEL;
        Some(())
    }

    fn suspend(&mut self, now: Time) {
        if let Some(operation) = self.operation
            && now < operation.until
            && operation.kind != Kind::Register
        {
            self.registers.security |= match operation.kind {
                Kind::Erase => ERASE_SUSPENDED,
                _ => PROGRAM_SUSPENDED,
            };
            self.suspended = Some((operation, operation.until - now));
            self.operation = None;
            self.registers.status &= !WEL;
        }
    }

    fn resume(&mut self, now: Time) {
        if let Some((mut operation, left)) = self.suspended.take() {
            operation.until = now + left;
            self.operation = Some(operation);
            self.registers.security &= !(ERASE_SUSPENDED | PROGRAM_SUSPENDED);
        }
    }
}
