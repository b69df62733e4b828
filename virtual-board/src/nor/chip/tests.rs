use super::*;
use crate::{
    devices::external_memory::Phase,
    mishap::{Blow, Event, Mishap, Moment},
};

const JEDEC_ID: [u8; 3] = [0xC2, 0x81, 0x3B];
const PAGE: u32 = 256;

/// A chip, the time, and the mode in which the host talks to it.
struct Bench {
    chip: Nor,
    now: Time,
    lines: Lines,
}

/// The NOR of the STM32H7S78-DK.
fn kits_nor() -> Nor {
    Nor::new(Part::built_in("MX66UW1G45G").expect("known"))
}

impl Bench {
    fn new() -> Self {
        Self {
            chip: kits_nor(),
            now: Time(0),
            lines: Lines::SPI,
        }
    }

    fn in_mode(mode: Mode) -> Self {
        let mut bench = Self::new();
        bench.chip.set_mode(mode);
        bench.lines = mode.lines();
        bench
    }

    fn frame(&self, opcode: u8, address: Option<(u32, u8)>) -> Frame {
        let instruction = if self.lines == Lines::SPI {
            (u32::from(opcode), 1)
        } else {
            (u32::from(opcode) << 8 | u32::from(!opcode), 2)
        };
        let phase = |(value, length)| Phase {
            value,
            length,
            lines: self.lines,
        };
        Frame {
            instruction: Some(phase(instruction)),
            address: address.map(phase),
            alternate: None,
            dummy_cycles: 0,
            data: None,
        }
    }

    fn send(&mut self, frame: Frame, data: &[u8]) {
        let direction = (!data.is_empty()).then_some((Direction::Write, self.lines));
        let frame = Frame {
            data: direction,
            ..frame
        };
        self.chip.select(&frame, self.now);
        self.chip.write(data);
        self.chip.deselect(self.now);
    }

    fn command(&mut self, opcode: u8) {
        self.send(self.frame(opcode, None), &[]);
    }

    fn fetch<const N: usize>(&mut self, frame: Frame, dummy_cycles: u8) -> Option<[u8; N]> {
        let frame = Frame {
            dummy_cycles,
            data: Some((Direction::Read, self.lines)),
            ..frame
        };
        let answer = self.chip.select(&frame, self.now);
        let mut bytes = [0; N];
        self.chip.read(&mut bytes);
        self.chip.deselect(self.now);
        (answer != Answer::Silent).then_some(bytes)
    }

    fn status(&mut self) -> u8 {
        let bytes: Option<[u8; 1]> = if self.lines == Lines::SPI {
            self.fetch(self.frame(0x05, None), 0)
        } else {
            self.fetch(self.frame(0x05, Some((0, 4))), 4)
        };
        bytes.map_or(0xFF, |[status]| status)
    }

    fn program(&mut self, address: u32, data: &[u8]) {
        self.command(0x06);
        self.send(self.frame(0x12, Some((address, 4))), data);
    }

    fn ready(&mut self) {
        if let Some(at) = self.chip.busy_until(self.now) {
            self.now = at;
        }
    }

    fn bytes(&self, offset: u32) -> [u8; 4] {
        self.chip.mapped_read(offset, Width::Word).to_le_bytes()
    }
}

#[test]
fn nothing_is_written_without_write_enable() {
    let mut bench = Bench::new();
    bench.send(bench.frame(0x12, Some((0, 4))), &[0; 4]);
    bench.send(bench.frame(0x21, Some((0, 4))), &[]);
    assert_eq!(bench.bytes(0), [0xFF; 4]);
    assert_eq!(bench.chip.counters().programmed_bytes, 0);
    assert_eq!(bench.chip.counters().ignored, 2);
    bench.command(0x06);
    assert_eq!(bench.status(), WEL);
    bench.command(0x04);
    assert_eq!(bench.status(), 0);
}

#[test]
fn program_only_clears_bits() {
    let mut bench = Bench::new();
    bench.program(0x1000, &[0xF0, 0x0F]);
    bench.ready();
    bench.program(0x1000, &[0x3C, 0xFF]);
    bench.ready();
    assert_eq!(bench.bytes(0x1000), [0x30, 0x0F, 0xFF, 0xFF]);
    bench.command(0x06);
    bench.send(bench.frame(0x21, Some((0x1ABC, 4))), &[]);
    bench.ready();
    assert_eq!(
        bench.bytes(0x1000),
        [0xFF; 4],
        "an erase takes the whole sector"
    );
}

#[test]
fn program_wraps_within_its_page() {
    let mut bench = Bench::new();
    bench.program(0x01FE, &[1, 2, 3, 4]);
    bench.ready();
    assert_eq!(bench.bytes(0x01FC), [0xFF, 0xFF, 1, 2]);
    assert_eq!(bench.bytes(0x0100), [3, 4, 0xFF, 0xFF]);
    assert_eq!(bench.bytes(0x0200), [0xFF; 4]);
}

#[test]
fn of_more_than_a_page_the_last_256_bytes_are_programmed() {
    let mut bench = Bench::new();
    let mut data = vec![0xAA; 4];
    data.extend([0x55; 256]);
    bench.program(0, &data);
    bench.ready();
    assert_eq!(bench.bytes(0), [0x55; 4]);
}

#[test]
fn while_busy_only_status_answers() {
    let mut bench = Bench::new();
    bench.program(0, &[0]);
    assert_eq!(bench.status(), WIP | WEL);
    assert_eq!(bench.chip.busy_until(bench.now), Some(Time::micros(152)));
    assert_eq!(bench.fetch::<1>(bench.frame(0x13, Some((0, 4))), 0), None);
    bench.command(0x04);
    assert_eq!(bench.status(), WIP | WEL, "write disable is ignored too");
    bench.ready();
    assert_eq!(bench.status(), 0, "the latch falls at the end");
    assert_eq!(bench.fetch(bench.frame(0x13, Some((0, 4))), 0), Some([0]));
}

#[test]
fn a_command_on_the_wrong_lines_is_ignored() {
    let mut bench = Bench::in_mode(Mode::Dopi);
    bench.lines = Lines::SPI;
    bench.command(0x06);
    assert_eq!(bench.fetch::<3>(bench.frame(0x9F, None), 0), None);
    bench.lines = Lines::OCTAL;
    bench.command(0x06);
    bench.lines = Lines::OCTAL_DTR;
    assert_eq!(bench.status(), 0);
    assert_eq!(bench.chip.counters().ignored, 3);
}

#[test]
fn the_extension_byte_must_be_the_complement() {
    let mut bench = Bench::in_mode(Mode::Sopi);
    let mut frame = bench.frame(0x06, None);
    if let Some(instruction) = &mut frame.instruction {
        instruction.value = 0x0606;
    }
    bench.send(frame, &[]);
    assert_eq!(bench.status(), 0);
}

#[test]
fn the_boot_stages_mode_change_has_its_address_among_the_data() {
    let mut bench = Bench::new();
    bench.command(0x06);
    bench.send(bench.frame(0x72, None), &[0, 0, 0, 0, 2]);
    assert_eq!(bench.chip.mode(), Mode::Dopi);
    bench.lines = Lines::OCTAL_DTR;
    bench.command(0x06);
    // D1, D0: the value travels second.
    bench.send(bench.frame(0x72, Some((0x300, 4))), &[0xFF, 7]);
    assert_eq!(bench.chip.read_dummies(), 6);
    let repeated = bench.fetch(bench.frame(0x71, Some((0x300, 4))), 20);
    assert_eq!(repeated, Some([7, 7]));
}

#[test]
fn reset_needs_both_halves_in_the_right_mode() {
    let mut bench = Bench::in_mode(Mode::Dopi);
    bench.command(0x99);
    bench.lines = Lines::SPI;
    bench.command(0x66);
    bench.command(0x99);
    assert_eq!(bench.chip.mode(), Mode::Dopi);
    bench.lines = Lines::OCTAL_DTR;
    bench.command(0x66);
    bench.command(0x06);
    bench.command(0x99);
    assert_eq!(bench.chip.mode(), Mode::Dopi, "something came in between");
    bench.command(0x66);
    bench.command(0x99);
    assert_eq!(bench.chip.mode(), Mode::Spi);
}

#[test]
fn octal_reads_need_their_dummy_cycles() {
    for (mode, opcode) in [(Mode::Sopi, 0xEC), (Mode::Dopi, 0xEE)] {
        let mut bench = Bench::in_mode(mode);
        bench
            .chip
            .contents_mut()
            .store(0x100, &[1, 2, 3, 4, 5, 6, 7, 8]);
        let frame = bench.frame(opcode, Some((0x100, 4)));
        let right = bench.fetch::<4>(frame, 20).unwrap();
        let few = bench.fetch::<4>(frame, 18).unwrap();
        let many = bench.fetch::<4>(frame, 21).unwrap();
        match mode {
            Mode::Sopi => {
                assert_eq!(
                    (right, few, many),
                    ([1, 2, 3, 4], [0xFF, 0xFF, 1, 2], [2, 3, 4, 5])
                );
            }
            // Pairs are exchanged on the lines, and a cycle carries two bytes.
            _ => assert_eq!((right, few, many), ([2, 1, 4, 3], [0xFF; 4], [4, 3, 6, 5])),
        }
    }
}

#[test]
fn on_one_line_a_wrong_dummy_shifts_by_a_bit() {
    let mut bench = Bench::new();
    bench.chip.contents_mut().store(0, &[0x01, 0x80, 0x00]);
    let frame = bench.frame(0x0C, Some((0, 4)));
    assert_eq!(bench.fetch(frame, 8), Some([0x01, 0x80]));
    assert_eq!(bench.fetch(frame, 9), Some([0x03, 0x00]));
    assert_eq!(bench.fetch(frame, 7), Some([0x80, 0xC0]));
}

#[test]
fn worn_cells_stay_busy() {
    let mut bench = Bench::new();
    bench.chip.keep_busy(Time::millis(900));
    bench.now = Time::millis(899);
    assert_eq!(bench.status(), WIP);
    bench.ready();
    assert_eq!(bench.status(), 0);
}

#[test]
fn identifies_itself_in_every_mode() {
    let mut bench = Bench::new();
    assert_eq!(bench.fetch(bench.frame(0x9F, None), 0), Some(JEDEC_ID));
    let mut bench = Bench::in_mode(Mode::Sopi);
    assert_eq!(
        bench.fetch(bench.frame(0x9F, Some((0, 4))), 4),
        Some(JEDEC_ID)
    );
    let bench_frame = Bench::in_mode(Mode::Dopi).frame(0x9F, Some((0, 4)));
    let mut bench = Bench::in_mode(Mode::Dopi);
    // Each byte lasts a whole cycle.
    let doubled = [0xC2, 0xC2, 0x81, 0x81, 0x3B, 0x3B];
    assert_eq!(bench.fetch(bench_frame, 5), Some(doubled));
}

#[test]
fn protected_blocks_set_the_fail_bits() {
    let mut bench = Bench::new();
    bench.chip.set_block_protection(1);
    let last = (128 << 20) - 0x1000;
    bench.program(last, &[0]);
    assert_eq!(bench.fetch(bench.frame(0x2B, None), 0), Some([P_FAIL]));
    bench.command(0x06);
    bench.send(bench.frame(0x21, Some((last, 4))), &[]);
    assert_eq!(
        bench.fetch(bench.frame(0x2B, None), 0),
        Some([P_FAIL | E_FAIL])
    );
    assert_eq!(bench.bytes(last), [0xFF; 4]);
    bench.program(0, &[0]);
    assert_eq!(bench.fetch(bench.frame(0x2B, None), 0), Some([E_FAIL]));
}

#[test]
fn an_erase_can_be_suspended() {
    let mut bench = Bench::new();
    bench.command(0x06);
    bench.send(bench.frame(0xDC, Some((0x10000, 4))), &[]);
    bench.now = Time::millis(56);
    bench.command(0xB0);
    assert_eq!(bench.status(), 0);
    assert_eq!(
        bench.fetch(bench.frame(0x2B, None), 0),
        Some([ERASE_SUSPENDED])
    );
    assert!(
        bench
            .fetch::<1>(bench.frame(0x13, Some((0, 4))), 0)
            .is_some()
    );
    bench.now = Time::millis(1000);
    bench.command(0x30);
    assert_eq!(bench.chip.busy_until(bench.now), Some(Time::millis(1200)));
}

#[test]
fn a_power_cut_leaves_an_erase_half_done_and_the_mode_lost() {
    let mut bench = Bench::in_mode(Mode::Sopi);
    bench.command(0x06);
    bench.send(bench.frame(0x21, Some((0, 4))), &[]);
    bench.chip.power_cycle(Time::millis(1));
    assert_eq!(bench.chip.mode(), Mode::Spi);
    assert_eq!(bench.bytes(0), [0xFF; 4]);
    assert_ne!(bench.bytes(PAGE), [0xFF; 4]);
}

#[test]
fn a_power_cut_leaves_a_program_half_done() {
    let mut bench = Bench::new();
    bench.program(0x300, &[0xF0; 256]);
    bench.ready();
    bench.program(0x300, &[0x0F; 256]);
    bench.chip.power_cycle(bench.now + Time::micros(10));
    assert_eq!(bench.bytes(0x300), [0x00; 4]);
    assert_eq!(bench.bytes(0x3FC), [0xF0; 4]);
}

#[test]
fn an_array_address_needs_all_its_bytes() {
    let mut bench = Bench::new();
    bench.command(0x06);
    bench.send(bench.frame(0x21, Some((0, 3))), &[]);
    assert_eq!(
        bench.status(),
        WEL,
        "an erase with three of four address bytes"
    );
}

#[test]
fn deep_power_down_hears_only_its_release() {
    let mut bench = Bench::new();
    bench.command(0xB9);
    assert_eq!(bench.fetch::<3>(bench.frame(0x9F, None), 0), None);
    bench.command(0xAB);
    assert_eq!(bench.fetch(bench.frame(0x9F, None), 0), Some(JEDEC_ID));
}

/// The sequence to octal DTR of the chip's own SFDP table, as ST's boot stage v1.0.0 sends it: nothing waits in between.
#[test]
fn unchanged_status_bits_are_written_at_once() {
    let mut bench = Bench::new();
    bench.command(0x06);
    bench.send(bench.frame(0x01, None), &[0x00, 0x02]);
    bench.command(0x06);
    bench.send(bench.frame(0x72, None), &[0, 0, 0, 0, 2]);
    assert_eq!(bench.chip.mode(), Mode::Dopi);

    let mut bench = Bench::new();
    bench.command(0x06);
    bench.send(bench.frame(0x01, None), &[0x04, 0x02]);
    assert_eq!(bench.status() & WIP, WIP, "a protection bit takes its time");
}

/// ST's boot stages v1.1.0 and v1.2.0 ask for WIP on one line after the mode has changed.
#[test]
fn a_single_line_keeps_its_last_level_when_nobody_drives_it() {
    let mut bench = Bench::new();
    assert_eq!(bench.fetch(bench.frame(0x05, None), 0), Some([0x00]));
    bench.chip.set_mode(Mode::Dopi);
    let frame = Frame {
        data: Some((Direction::Read, Lines::SPI)),
        ..bench.frame(0x05, None)
    };
    let mut byte = [0xAA];
    assert_eq!(bench.chip.select(&frame, bench.now), Answer::Silent);
    bench.chip.read(&mut byte);
    bench.chip.deselect(bench.now);
    assert_eq!(byte, [0x00]);
}

/// Lays `words` in wait for the chip's operations.
fn lay(bench: &mut Bench, words: &str) {
    match words.parse() {
        Ok(Mishap::Operation { failing, occasion }) => {
            let blow = Blow::Failing(failing);
            bench.chip.ambushes_mut().lay(occasion, blow);
        }
        Ok(Mishap::Event {
            event,
            moment: Moment::During(occasion),
        }) => bench.chip.ambushes_mut().lay(occasion, Blow::Event(event)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_operation_that_fails_says_so_and_is_half_done() {
    let mut bench = Bench::new();
    lay(&mut bench, "fail nor program 2");
    lay(&mut bench, "fail nor erase 1");
    bench.program(0, &[0; 4]);
    bench.ready();
    assert_eq!(bench.fetch(bench.frame(0x2B, None), 0), Some([0]));
    bench.program(0x10, &[0; 4]);
    bench.ready();
    assert_eq!(bench.bytes(0x10), [0, 0, 0x55, 0xFF]);
    assert_eq!(bench.fetch(bench.frame(0x2B, None), 0), Some([P_FAIL]));
    bench.command(0x06);
    bench.send(bench.frame(0x21, Some((0, 4))), &[]);
    bench.ready();
    assert_eq!(bench.status(), 0, "a failure ends in time");
    assert_eq!(
        bench.fetch(bench.frame(0x2B, None), 0),
        Some([P_FAIL | E_FAIL])
    );
    assert_ne!(bench.bytes(0x100), [0xFF; 4], "neither old nor blank");
    bench.program(0x2000, &[0; 4]);
    assert_eq!(bench.fetch(bench.frame(0x2B, None), 0), Some([E_FAIL]));
}

#[test]
fn a_chip_that_is_stuck_is_busy_until_its_power_is_cut() {
    let mut bench = Bench::new();
    lay(&mut bench, "busy nor program 1");
    bench.program(0, &[0; 4]);
    for _ in 0..10 {
        bench.ready();
        assert_eq!(bench.status(), WIP | WEL);
    }
    bench.command(0x66);
    bench.command(0x99);
    bench.ready();
    assert_eq!(bench.status(), WIP | WEL, "not even a reset helps");
    bench.chip.power_cycle(bench.now);
    assert_eq!(bench.status(), 0);
    bench.program(0x20, &[0; 4]);
    bench.ready();
    assert_eq!(bench.bytes(0x20), [0; 4]);
}

#[test]
fn an_event_waits_for_the_middle_of_its_operation() {
    let mut bench = Bench::new();
    lay(&mut bench, "power-cut nor erase 1");
    bench.program(0, &[0; 4]);
    assert_eq!(bench.chip.take_strike(), None);
    bench.ready();
    let begun = bench.now;
    bench.command(0x06);
    bench.send(bench.frame(0x21, Some((0, 4))), &[]);
    let strike = bench.chip.take_strike();
    let middle = begun + Time(Time::millis(25).0 / 2);
    assert_eq!(
        strike,
        Some(Strike {
            at: middle,
            event: Event::PowerCut
        })
    );
    assert_eq!(bench.chip.take_strike(), None, "once");
    bench.chip.power_cycle(middle);
    assert_eq!(bench.bytes(0), [0xFF; 4]);
    assert_ne!(bench.bytes(0x100), [0xFF; 4]);
}
