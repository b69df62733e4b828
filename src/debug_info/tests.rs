//! Backtraces from stacks that the tests write themselves, and debug information that is not what it should be.

use std::collections::BTreeMap;

use super::*;
use crate::fault::Fault;

const APPLI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/prebuilt/appli.elf");

fn appli() -> (Image, Vec<u8>) {
    let image = Image::open(APPLI).expect("the appli");
    (image, std::fs::read(APPLI).expect("the appli"))
}

fn info() -> DebugInfo {
    DebugInfo::of([&appli().0]).expect("its debug information")
}

fn address_of(name: &str) -> u32 {
    let (image, _) = appli();
    image.symbols().address_of(name).expect(name).0
}

/// Memory that has these words, and the appli's code.
struct Words {
    words: BTreeMap<u32, u32>,
    image: Image,
}

impl Words {
    fn at(start: u32, words: &[u32]) -> Self {
        Self {
            words: (start..).step_by(4).zip(words.iter().copied()).collect(),
            image: appli().0,
        }
    }

    fn read(&self, address: Address) -> Result<u32, Fault> {
        let mut bytes = [0; 4];
        match self.words.get(&address.0) {
            Some(word) => Ok(*word),
            None if self.image.read(address, &mut bytes) == 4 => Ok(u32::from_le_bytes(bytes)),
            None => Err(Fault {
                code: Code::XG002,
                headline: format!("nothing is at {address}"),
                causes: Vec::new(),
                remedy: String::new(),
            }),
        }
    }
}

fn backtrace(pc: u32, sp: u32, lr: u32, psp: u32, memory: &Words) -> Backtrace {
    let mut general = [0; 16];
    general[4] = 0x4444_4444;
    general[13] = sp;
    general[14] = lr;
    general[15] = pc;
    info().backtrace(Registers::new(general, psp), &mut |address| {
        memory.read(address)
    })
}

/// A frame of exception entry: r0 to r3, r12, lr, pc, xPSR.
fn stacked(lr: u32, pc: u32, status: u32) -> [u32; 8] {
    [0xA0, 0xA1, 0xA2, 0xA3, 0xAC, lr, pc, status]
}

#[test]
fn an_exception_frame_is_found_by_exc_return_on_either_stack_and_in_either_size() {
    let (handler, toggle) = (address_of("BusFault"), address_of("toggle"));
    for (exc_return, stack, status, above) in [
        (0xFFFF_FFF9, 0x2000_1000, 0x0100_0000, 0x20),
        (0xFFFF_FFE9, 0x2000_1000, 0x0100_0000, 0x68),
        (0xFFFF_FFF9, 0x2000_1000, 0x0100_0200, 0x24),
        (0xFFFF_FFFD, 0x2000_3000, 0x0100_0000, 0x20),
        (0xFFFF_FFED, 0x2000_3000, 0x0100_0200, 0x6C),
    ] {
        let memory = Words::at(stack, &stacked(0xFFFF_FFFF, toggle, status));
        let found = backtrace(handler, 0x2000_1000, exc_return, 0x2000_3000, &memory);
        let interrupted = &found.frames[1];
        assert_eq!(interrupted.kind, Kind::Interrupted);
        assert_eq!(interrupted.pc, Address(toggle), "0x{exc_return:x}");
        let registers = interrupted.registers;
        assert_eq!(registers.get(Registers::SP), Some(stack + above));
        assert_eq!(registers.get(3), Some(0xA3));
        assert_eq!(registers.get(12), Some(0xAC));
        assert_eq!(
            registers.get(4),
            Some(0x4444_4444),
            "not stacked, so still there"
        );
        assert_eq!(found.end, End::Outermost, "lr as a reset leaves it");
    }
}

#[test]
fn a_handler_that_interrupted_a_handler_leads_to_both() {
    let (fault, tick, work) = (
        address_of("BusFault"),
        address_of("SysTick"),
        address_of("work"),
    );
    let mut words = stacked(0xFFFF_FFF9, tick, 0x0100_000F).to_vec();
    words.extend(stacked(0xFFFF_FFFF, work, 0x0100_0000));
    let found = backtrace(
        fault,
        0x2000_1000,
        0xFFFF_FFF1,
        0,
        &Words::at(0x2000_1000, &words),
    );
    let pcs: Vec<u32> = found.frames.iter().map(|frame| frame.pc.0).collect();
    assert_eq!(pcs, [fault, tick, work]);
}

#[test]
fn a_stack_that_leads_nowhere_ends_the_backtrace_and_says_so() {
    let toggle = address_of("toggle");
    let end =
        |pc, sp, lr, words: &[u32]| backtrace(pc, sp, lr, 0, &Words::at(0x2000_1000, words)).end;
    assert_eq!(
        end(toggle, 0x2000_1000, 0x1234_5679, &[]),
        End::NotCode(0x1234_5679)
    );
    assert_eq!(
        end(toggle, 0x2000_1000, toggle, &[]),
        End::NotCode(toggle),
        "no Thumb bit"
    );
    assert_eq!(end(toggle, 0x2000_1000, 0, &[]), End::Outermost);
    let nowhere = end(toggle, 0x5000_0000, 0xFFFF_FFF9, &[]);
    assert_eq!(
        nowhere.to_string(),
        "the stack at 0x50000000 cannot be read: nothing is at 0x50000000"
    );
    let peripheral = end(0x4000_0000, 0x2000_1000, 0x4000_0001, &[]);
    assert_eq!(peripheral, End::NotCode(0x4000_0001));
}

#[test]
fn a_stack_that_leads_back_to_itself_comes_to_an_end() {
    // Exception frames that return to the entry of a handler whose frame is the next one, for ever.
    let handler = address_of("BusFault");
    let words: Vec<u32> = (0..4000)
        .flat_map(|_| stacked(0xFFFF_FFF1, handler, 0x0100_0003))
        .collect();
    let found = backtrace(
        handler,
        0x2000_0000,
        0xFFFF_FFF1,
        0,
        &Words::at(0x2000_0000, &words),
    );
    assert_eq!(found.end, End::TooDeep);
    // A caller that is its own caller.
    let toggle = address_of("toggle");
    let words = [toggle + 9; 64];
    let found = backtrace(
        toggle + 8,
        0x2000_1000,
        toggle + 9,
        0,
        &Words::at(0x2000_1000, &words),
    );
    assert!(
        matches!(found.end, End::Outermost | End::Unreadable { .. }),
        "{:?}",
        found.end
    );
}

#[test]
fn damaged_debug_information_is_as_if_it_were_not_there() {
    let (image, bytes) = appli();
    let toggle = Address(address_of("toggle"));
    let whole = Program::from_bytes(&bytes, &image);
    assert!(whole.places(toggle)[0].short_line().is_some());
    for length in [0, 51, 100, bytes.len() / 2, bytes.len() - 1] {
        let cut = Program::from_bytes(&bytes[..length], &image);
        assert_eq!(cut.places(toggle)[0].function.as_deref(), Some("toggle"));
    }
    // Every 997th byte of everything behind the code is another.
    let mut damaged = bytes;
    for byte in damaged.iter_mut().skip(0x3006F).step_by(997) {
        *byte ^= 0x55;
    }
    let damaged = DebugInfo {
        programs: vec![Program::from_bytes(&damaged, &image)],
    };
    for address in (0x7000_02B0..0x7000_2FA0).step_by(22) {
        let registers = Registers::new([0x2000_1000; 16], 0x2000_2000);
        let mut registers = registers;
        registers.set(Registers::PC, Some(address));
        let found = damaged.backtrace(registers, &mut |_| Ok(0x7000_0401));
        assert!(!found.frames.is_empty());
    }
}

#[test]
fn a_place_is_told_as_far_as_it_is_known() {
    let info = info();
    let work = Address(address_of("work"));
    let told = info.describe(work).expect("work");
    assert!(told.starts_with("work (work.rs:"), "{told}");
    let reset = info.describe(Address(address_of("Reset"))).expect("Reset");
    assert_eq!(reset, "Reset");
    assert_eq!(info.describe(Address(0x2000_0000)), None);
    assert_eq!(Place::default().to_string(), "??");
}
