//! The session on a link that keeps to the physics.

mod range;

use super::*;

mod calls;
use crate::{
    breakpoints::Kind,
    layout::BoardProfile,
    link::{
        HaltReason,
        fake::{Event, FakeLink, Shared},
    },
};

pub(super) struct Bench {
    pub(super) link: Shared,
    pub(super) session: Session,
}

fn settings() -> Settings {
    Settings::of(BoardProfile::find("stm32h7s78-dk").unwrap())
}

impl Bench {
    fn new(link: FakeLink) -> Self {
        let link = Shared::new(link);
        let session = Session::open(Box::new(link.clone()), settings()).unwrap();
        link.fake().take_events();
        Self { link, session }
    }

    /// Halted at the start of code in RAM.
    pub(super) fn in_ram(code: &[u8]) -> Self {
        let mut link = FakeLink::new().with_memory(RAM, code);
        link.registers.insert(15, RAM);
        Self::new(link)
    }

    pub(super) fn insert(&mut self, kind: Kind, address: u32) {
        let address = Address(address);
        let length = 4;
        self.session
            .insert(Request {
                kind,
                address,
                length,
            })
            .unwrap();
    }

    pub(super) fn will_execute(&self, path: impl IntoIterator<Item = u32>) {
        self.link.fake().path.extend(path);
    }

    pub(super) fn runs_and_steps(&self) -> Vec<Event> {
        let mut events = self.link.fake().take_events();
        events.retain(|event| matches!(event, Event::Step(_) | Event::Resume(_)));
        events
    }

    pub(super) fn stop(&mut self) -> Stop {
        self.session.poll().unwrap().expect("the core has stopped")
    }
}

pub(super) const RAM: u32 = 0x2400_0100;
pub(super) const NOP: [u8; 2] = [0x00, 0xBF];
const SVC: [u8; 2] = [0x00, 0xDF];

#[test]
fn attaching_neither_resets_nor_steps_nor_resumes() {
    let link = Shared::new(FakeLink::new());
    let session = Session::open(Box::new(link.clone()), settings()).unwrap();
    assert!(session.is_halted());
    assert!(link.fake().events.iter().all(|event| matches!(
        event,
        Event::Read(..) | Event::Write(..) | Event::Registers(_)
    )));
}

#[test]
fn attaching_sets_debug_support_and_closing_puts_it_back() {
    let link = Shared::new(FakeLink::new());
    link.fake().set_system(0x5C00_1004, 0x0020_0000);
    let session = Session::open(Box::new(link.clone()), settings()).unwrap();
    assert_eq!(link.fake().system(0x5C00_1004), 0x0020_0007);
    assert_eq!(link.fake().system(0x5C00_103C), 1 << 11);
    assert_eq!(link.fake().system(0x5C00_1054), 1 << 18);
    assert_eq!(link.fake().system(0xE000_EDFC), 0x0100_07F0, "vector catch");
    session.close(Leave::Running).unwrap();
    assert_eq!(link.fake().system(0x5C00_1004), 0x0020_0000);
    assert_eq!(link.fake().system(0x5C00_103C), 0);
    assert_eq!(link.fake().system(0xE000_EDFC) & 0x7F0, 0);
    assert!(!link.fake().armed().contains(&1));
    assert_eq!(link.fake().system(0xE000_EDF0), 0xA05F_0000, "debug is off");
}

#[test]
fn registers_and_memory_are_fetched_once_a_halt() {
    let mut bench = Bench::in_ram(&NOP);
    let mut data = [0; 40];
    for _ in 0..3 {
        bench.session.read_register(0).unwrap();
        bench
            .session
            .read_memory(Address(RAM + 8), &mut data)
            .unwrap();
    }
    assert_eq!(
        bench.link.fake().take_events(),
        [Event::Registers(1), Event::Read(Address(RAM), 256)]
    );
    bench.session.step().unwrap();
    bench.link.fake().take_events();
    bench
        .session
        .read_memory(Address(RAM + 8), &mut data)
        .unwrap();
    assert_eq!(
        bench.link.fake().take_events(),
        [Event::Read(Address(RAM), 256)]
    );
}

#[test]
fn peripherals_are_read_every_time_and_no_wider_than_asked() {
    let mut bench = Bench::in_ram(&NOP);
    let mut word = [0; 4];
    for _ in 0..2 {
        bench
            .session
            .read_memory(Address(0x5C00_1004), &mut word)
            .unwrap();
    }
    assert_eq!(
        bench.link.fake().take_events(),
        [
            Event::Read(Address(0x5C00_1004), 4),
            Event::Read(Address(0x5C00_1004), 4)
        ]
    );
}

#[test]
fn memory_that_is_not_there_is_a_fault() {
    let mut bench = Bench::in_ram(&NOP);
    let fault = bench
        .session
        .read_memory(Address(0x4000_0000), &mut [0; 4])
        .unwrap_err();
    assert_eq!(fault.code, Code::XG002);
    assert_eq!(
        fault.headline,
        "the target refused a transfer of 4 bytes at 0x40000000"
    );
}

#[test]
fn what_is_written_is_what_is_read() {
    let mut bench = Bench::in_ram(&NOP);
    let mut data = [0; 4];
    bench.session.read_memory(Address(RAM), &mut data).unwrap();
    bench
        .session
        .write_memory(Address(RAM + 1), &[7, 8])
        .unwrap();
    bench.session.read_memory(Address(RAM), &mut data).unwrap();
    assert_eq!(data, [0x00, 7, 8, 0]);
    assert_eq!(bench.link.fake().bytes(RAM, 4), data);
}

#[test]
fn a_probe_beside_the_cache_cleans_lines_before_it_looks() {
    let mut bench = Bench::in_ram(&NOP);
    bench.link.fake().coherent = false;
    bench.link.fake().set_system(0xE000_ED14, 1 << 16);
    bench
        .session
        .read_memory(Address(RAM), &mut [0; 4])
        .unwrap();
    let cleaned = bench
        .link
        .fake()
        .take_events()
        .iter()
        .filter(|event| **event == Event::Write(Address(0xE000_EF70), 4))
        .count();
    assert_eq!(cleaned, 8, "the lines of one block");
}

#[test]
fn a_breakpoint_stops_and_is_stepped_off() {
    let mut bench = Bench::in_ram(&[NOP, NOP, NOP, NOP].concat());
    bench.insert(Kind::Hardware, RAM + 4);
    bench.will_execute([RAM + 2, RAM + 4]);
    assert_eq!(bench.session.resume().unwrap(), Resumed::Running);
    let stop = bench.stop();
    assert_eq!(
        (stop.reason, stop.pc),
        (StopReason::Breakpoint, Address(RAM + 4))
    );
    bench.will_execute([RAM + 6, RAM + 4]);
    assert_eq!(bench.session.resume().unwrap(), Resumed::Running);
    assert_eq!(bench.stop().pc, Address(RAM + 4));
    assert_eq!(
        bench.runs_and_steps(),
        [
            Event::Resume(Interrupts::Enabled),
            Event::Step(Interrupts::Masked),
            Event::Resume(Interrupts::Enabled)
        ]
    );
}

#[test]
fn a_ninth_breakpoint_is_refused_and_the_session_lives() {
    let mut bench = Bench::in_ram(&NOP);
    for index in 0..8 {
        bench.insert(Kind::Hardware, 0x7000_0000 + 2 * index);
    }
    let ninth = Request {
        kind: Kind::Hardware,
        address: Address(0x7000_1000),
        length: 2,
    };
    let fault = bench.session.insert(ninth).unwrap_err();
    assert_eq!(fault.code, Code::XG040);
    assert!(fault.headline.contains("0x70000000") && fault.headline.contains("0x7000000e"));
    bench.session.remove(ninth);
    assert_eq!(bench.session.step().unwrap().reason, StopReason::Step);
}

#[test]
fn a_watchpoint_names_its_address() {
    let mut bench = Bench::in_ram(&NOP);
    bench.insert(Kind::Write, 0x2000_0010);
    bench.session.resume().unwrap();
    assert_eq!(bench.session.poll().unwrap(), None);
    bench.link.fake().set_system(0xE000_1028, 0x0100_0006);
    bench.link.fake().stop(HaltReason {
        watchpoint: true,
        ..HaltReason::default()
    });
    assert_eq!(
        bench.stop().reason,
        StopReason::Watchpoint {
            kind: Kind::Write,
            address: Address(0x2000_0010)
        }
    );
}

#[test]
fn a_fault_is_explained_in_one_line() {
    let mut bench = Bench::in_ram(&NOP);
    bench.session.resume().unwrap();
    {
        let mut link = bench.link.fake();
        link.registers
            .extend([(16, 0x0100_0003), (14, 0xFFFF_FFF9), (17, 0x2400_0200)]);
        link.set_system(0xE000_ED28, 0x0002_0000);
        link.set_system(0xE000_ED2C, 0x4000_0000);
        link.write(Address(0x2400_0218), &0x7000_1235u32.to_le_bytes())
            .unwrap();
        link.stop(HaltReason {
            vector_catch: true,
            ..HaltReason::default()
        });
    }
    let stop = bench.stop();
    assert_eq!(stop.reason.signal(), Signal::Illegal);
    assert_eq!(
        stop.console,
        [
            "HardFault (escalated UsageFault) at pc 0x70001234: invalid state (a branch to an even address?) \
          (CFSR 0x00020000, HFSR 0x40000000)"
        ]
    );
    assert_eq!(
        bench.session.journal().last().map(|fault| fault.code),
        Some(Code::XG080)
    );
}

#[test]
fn maskisr_off_and_on_mean_what_they_say() {
    let mut bench = Bench::in_ram(&NOP.repeat(4));
    bench.session.set_mask_policy(MaskPolicy::Off);
    bench.session.step().unwrap();
    bench.session.set_mask_policy(MaskPolicy::On);
    bench.session.step().unwrap();
    bench.session.resume().unwrap();
    assert_eq!(
        bench.runs_and_steps(),
        [
            Event::Step(Interrupts::Enabled),
            Event::Step(Interrupts::Masked),
            Event::Resume(Interrupts::Masked)
        ]
    );
}

#[test]
fn the_programs_own_bkpt_is_passed_over() {
    let mut bench = Bench::in_ram(&[0x00, 0xBF, 0x01, 0xBE, 0x00, 0xBF]);
    bench.will_execute([RAM + 2]);
    bench.session.resume().unwrap();
    let stop = bench.stop();
    assert_eq!(
        (stop.reason, stop.pc),
        (StopReason::Unrequested, Address(RAM + 2))
    );
    let stop = bench.session.step().unwrap();
    assert_eq!((stop.reason, stop.pc), (StopReason::Step, Address(RAM + 4)));
}

/// Something else than us resumed the core: a register transfer never ends.
#[test]
fn a_core_that_does_not_answer_is_told() {
    let mut bench = Bench::in_ram(&NOP);
    bench.link.fake().resume_with(Interrupts::Masked).unwrap();
    let fault = bench.session.write_register(0, 1).unwrap_err();
    assert_eq!(fault.code, Code::XG005, "{fault}");
}

#[test]
fn a_running_core_refuses_registers_with_a_remedy() {
    let mut bench = Bench::in_ram(&NOP);
    bench.session.resume().unwrap();
    let fault = bench.session.read_register(0).unwrap_err();
    assert_eq!(fault.code, Code::XG060);
    assert_eq!(
        fault.headline,
        "the core is running: reading registers needs it halted"
    );
    let stop = bench.session.halt().unwrap();
    assert_eq!(stop.reason, StopReason::Halt);
    assert_eq!(
        bench.session.read_register(40).unwrap_err().code,
        Code::XG061
    );
}

#[test]
fn a_reset_that_nobody_asked_for_is_told_and_units_are_written_again() {
    let mut bench = Bench::in_ram(&NOP);
    bench.insert(Kind::Hardware, 0x7000_0100);
    bench.session.resume().unwrap();
    {
        let mut link = bench.link.fake();
        link.power_on();
        link.set_system(0x5802_4530, 1 << 26 | 1 << 22);
        link.reset(crate::link::ResetMode::Run).unwrap();
    }
    assert_eq!(bench.session.poll().unwrap(), None);
    let said = &bench.session.take_console()[0];
    let wanted = "XG085 the core was reset while the program ran: by the independent watchdog.";
    assert!(said.starts_with(wanted), "{said}");
    assert_eq!(bench.link.fake().armed(), [0x7000_0100]);
}

/// The check value of CRC-32/MPEG-2, which is GDB's.
#[test]
fn the_crc_is_gdbs() {
    let mut bench = Bench::in_ram(b"123456789");
    assert_eq!(bench.session.crc(Address(RAM), 9).unwrap(), 0x0376_E6E7);
}

#[test]
fn a_client_that_leaves_takes_its_breakpoints_off_a_running_core() {
    let mut bench = Bench::in_ram(&NOP);
    bench.insert(Kind::Hardware, 0x7000_0100);
    bench.insert(Kind::Write, 0x2000_0010);
    bench.session.resume().unwrap();
    assert_eq!(bench.link.fake().armed(), [0x7000_0100]);
    bench.session.client_left();
    assert_eq!(bench.link.fake().armed(), [0u32; 0]);
    assert_eq!(bench.link.fake().system(0xE000_1028), 0);
    assert!(!bench.session.is_halted());
}

#[test]
fn a_client_that_leaves_between_two_bursts_leaves_a_running_core() {
    let mut bench = Bench::in_ram(&NOP.repeat(200));
    bench
        .session
        .step_range(Address(RAM), Address(RAM + 300))
        .unwrap();
    bench.session.client_left();
    assert_eq!(bench.session.poll().unwrap(), None);
    assert!(matches!(bench.link.fake().state(), Ok(CoreState::Running)));
}
