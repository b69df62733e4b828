//! Speed of the virtual CPU in millions of instructions a second, on a flat memory and on the board: `cargo bench -p virtual-board`.
//! The aim is 20, whatever the code.

#[path = "../tests/common/image.rs"]
mod image;

use image::Image;
use std::time::{Duration, Instant};
use virtual_board::{
    board::Board,
    bus::{Bus, BusError, Master, Width},
    clock::Time,
    cpu::{Core, Outcome},
};

/// Millions of instructions a second that the virtual CPU has to reach.
const AIM: f64 = 20.0;
const DURATION: Duration = Duration::from_secs(1);

/// A loop of machine code, without end.
struct Workload {
    name: &'static str,
    code: &'static [u16],
}

/// In assembly beside each, by `arm-none-eabi-as -mcpu=cortex-m7`.
const WORKLOADS: [Workload; 4] = [
    Workload {
        name: "integer: bitwise checksum, table look-up, call",
        code: &[
            0xF851, 0x3B04, // again: ldr r3, [r1], #4
            0x4058, 0x2408, //        eors r0, r3; movs r4, #8
            0x0840, 0xBF28, // bits:  lsrs r0, r0, #1; it cs
            0x4068, 0x3C01, //        eorcs r0, r5; subs r4, #1
            0xD1FA, //                bne bits
            0xF3C0, 0x1607, //        ubfx r6, r0, #4, #8
            0xF852, 0x7026, //        ldr r7, [r2, r6, lsl #2]
            0xFB07, 0x8800, //        mla r8, r7, r0, r8
            0xF881, 0x8003, //        strb r8, [r1, #3]
            0xB509, //                push {r0, r3, lr}
            0xF000, 0xF805, //        bl magnitude
            0xE8BD, 0x4009, //        pop {r0, r3, lr}
            0xF421, 0x5180, //        bic r1, r1, #0x1000
            0xE7E6, //                b again
            0xF1B8, 0x0F00, // magnitude: cmp r8, #0
            0xDA01, //                bge done
            0xF1D8, 0x0800, //        rsbs r8, r8, #0
            0x4770, // done:          bx lr
        ],
    },
    Workload {
        name: "DSP: dual multiplies, parallel sums, saturation",
        code: &[
            0xE8F1, 0x3402, // again: ldrd r3, r4, [r1], #8
            0xFB23, 0x0004, //        smlad r0, r3, r4, r0
            0xFA93, 0xF614, //        qadd16 r6, r3, r4
            0xFA83, 0xF746, //        uadd8 r7, r3, r6
            0xFAA3, 0xF884, //        sel r8, r3, r4
            0xEAC6, 0x4908, //        pkhbt r9, r6, r8, lsl #16
            0xFBC9, 0xABC7, //        smlald r10, r11, r9, r7
            0xF320, 0x0CCF, //        ssat r12, #16, r0, asr #3
            0xF8C2, 0xC000, //        str r12, [r2]
            0xF421, 0x5180, //        bic r1, r1, #0x1000
            0xE7EA, //                b again
        ],
    },
    Workload {
        name: "single precision: filter step",
        code: &[
            0xED91, 0x0A00, // again: vldr s0, [r1]
            0xEEE0, 0x0A01, //        vfma.f32 s1, s0, s2
            0xEE70, 0x1A82, //        vadd.f32 s3, s1, s4
            0xEE61, 0x2A81, //        vmul.f32 s5, s3, s2
            0xEE72, 0x0AE1, //        vsub.f32 s1, s5, s3
            0xEEF5, 0x0A40, //        vcmp.f32 s1, #0.0
            0xEEF1, 0xFA10, //        vmrs APSR_nzcv, fpscr
            0xBFB8, //                it lt
            0xEEF1, 0x0A60, //        vneglt.f32 s1, s1
            0xEEBD, 0x3AE1, //        vcvt.s32.f32 s6, s3
            0xEE13, 0x3A10, //        vmov r3, s6
            0xEDC2, 0x0A00, //        vstr s1, [r2]
            0x3104, //                adds r1, #4
            0xF421, 0x5180, //        bic r1, r1, #0x1000
            0xE7E4, //                b again
        ],
    },
    Workload {
        name: "double precision: with division and square root",
        code: &[
            0xED91, 0x0B00, // again: vldr d0, [r1]
            0xEE00, 0x1B02, //        vmla.f64 d1, d0, d2
            0xEE31, 0x3B04, //        vadd.f64 d3, d1, d4
            0xEE83, 0x5B02, //        vdiv.f64 d5, d3, d2
            0xEEB1, 0x6BC5, //        vsqrt.f64 d6, d5
            0xEEB7, 0x7BC6, //        vcvt.f32.f64 s14, d6
            0xED82, 0x6B00, //        vstr d6, [r2]
            0x3108, //                adds r1, #8
            0xF421, 0x5180, //        bic r1, r1, #0x1000
            0xE7ED, //                b again
        ],
    },
];

const MEMORY_BASE: u32 = 0x2400_0000;
const MEMORY_SIZE: usize = 0x1_0000;
/// Where code, stack, table and data lie in it.
const CODE: u32 = MEMORY_BASE + 0x100;
const STACK: u32 = MEMORY_BASE + 0x2000;
const TABLE: u32 = MEMORY_BASE + 0x3000;
const DATA: u32 = MEMORY_BASE + 0x4000;

struct Flat(Vec<u8>);

impl Flat {
    fn with(code: &[u16]) -> Self {
        let mut memory = Self(Vec::with_capacity(MEMORY_SIZE));
        // Every word is a number from 1.0 to 2.0 in single precision, whatever else it may be.
        for word in 0..MEMORY_SIZE as u32 / 4 {
            let fraction = word.wrapping_mul(0x9E37_79B9) >> 9;
            memory.0.extend((0x3F80_0000 | fraction).to_le_bytes());
        }
        memory.0[..4].copy_from_slice(&STACK.to_le_bytes());
        memory.0[4..8].copy_from_slice(&(CODE | 1).to_le_bytes());
        let at = (CODE - MEMORY_BASE) as usize;
        for (place, halfword) in memory.0[at..].chunks_exact_mut(2).zip(code) {
            place.copy_from_slice(&halfword.to_le_bytes());
        }
        memory
    }
}

impl Bus for Flat {
    #[inline]
    fn read(&mut self, address: u32, width: Width, _: Master) -> Result<u32, BusError> {
        let at = address.wrapping_sub(MEMORY_BASE) as usize;
        let bytes = self.0.get(at..).ok_or(BusError::Refused)?;
        match (width, bytes) {
            (Width::Word, [a, b, c, d, ..]) => Ok(u32::from_le_bytes([*a, *b, *c, *d])),
            (Width::Half, [a, b, ..]) => Ok(u16::from_le_bytes([*a, *b]).into()),
            (Width::Byte, [a, ..]) => Ok((*a).into()),
            _ => Err(BusError::Refused),
        }
    }

    #[inline]
    fn write(&mut self, address: u32, width: Width, value: u32, _: Master) -> Result<(), BusError> {
        let at = address.wrapping_sub(MEMORY_BASE) as usize;
        let count = width.bytes() as usize;
        let bytes = self.0.get_mut(at..at + count).ok_or(BusError::Refused)?;
        bytes.copy_from_slice(&value.to_le_bytes()[..count]);
        Ok(())
    }

    fn at_cycle(&mut self, _: u64) {}

    fn take_attention(&mut self) -> bool {
        false
    }

    fn take_time_dependence(&mut self) -> bool {
        false
    }
}

/// A core about to execute `workload` with the FPU on.
fn start(workload: &Workload) -> (Core, Flat) {
    const CPACR: u32 = 0xE000_ED88;
    const ONE_HALF: u32 = 0x3F00_0000;
    let mut memory = Flat::with(workload.code);
    let mut core = Core::new();
    core.reset(&mut memory, MEMORY_BASE);
    core.debug_write(&mut memory, CPACR, Width::Word, 0xF << 20)
        .expect("CPACR can be written");
    core.registers.r[1] = DATA;
    core.registers.r[2] = TABLE;
    core.registers.r[5] = 0xEDB8_8320;
    core.registers.s[2] = ONE_HALF;
    core.registers.s[4] = ONE_HALF;
    core.registers.s[5] = ONE_HALF;
    core.registers.s[9] = ONE_HALF;
    (core, memory)
}

/// Invalidates both caches and switches them on.
fn switch_caches_on(core: &mut Core, memory: &mut Flat) {
    const ICIALLU: u32 = 0xE000_EF50;
    const DCISW: u32 = 0xE000_EF60;
    const CCR: u32 = 0xE000_ED14;
    let mut write = |address, value| {
        core.debug_write(memory, address, Width::Word, value)
            .expect("the core's own registers answer");
    };
    write(ICIALLU, 0);
    for (way, set) in (0..4).flat_map(|way| (0..256).map(move |set| (way, set))) {
        write(DCISW, way << 30 | set << 5);
    }
    write(CCR, 0x0007_0200);
}

/// Millions of instructions a second; one instruction is one cycle.
fn speed((mut core, mut memory): (Core, Flat), workload: &Workload) -> f64 {
    const BURST: u64 = 1_000_000;
    let begin = Instant::now();
    let cycles = core.cycles;
    while begin.elapsed() < DURATION {
        let outcome = core.run(&mut memory, BURST);
        assert_eq!(
            outcome,
            Outcome::Budget,
            "{} at {:#010x}",
            workload.name,
            core.pc()
        );
    }
    (core.cycles - cycles) as f64 / begin.elapsed().as_secs_f64() / 1e6
}

/// What the board executes: a vector table, a prologue, and the integer workload on data in AXI SRAM.
fn program(base: u32) -> Vec<u8> {
    const PROLOGUE: [u16; 10] = [
        0x4901, // ldr r1, data
        0x4A02, // ldr r2, table
        0x4D02, // ldr r5, polynomial
        0xE005, // b.n the workload
        DATA as u16,
        (DATA >> 16) as u16,
        TABLE as u16,
        (TABLE >> 16) as u16,
        0x8320,
        0xEDB8, // polynomial
    ];
    let words = [STACK, base + 9];
    let halves = PROLOGUE.iter().chain(WORKLOADS[0].code);
    let vectors = words.iter().flat_map(|word| word.to_le_bytes());
    vectors
        .chain(halves.flat_map(|half| half.to_le_bytes()))
        .collect()
}

/// Millions of instructions a second on `board`, as it runs.
fn speed_of(board: &mut Board, code: std::ops::Range<u32>) -> f64 {
    let begin = Instant::now();
    let cycles = board.core_cycles();
    while begin.elapsed() < DURATION {
        board.run_for(Time::millis(5));
    }
    assert!(code.contains(&board.pc()), "at {:#010x}", board.pc());
    (board.core_cycles() - cycles) as f64 / begin.elapsed().as_secs_f64() / 1e6
}

fn report(speed: f64, name: &str) {
    let verdict = if speed >= AIM { "met" } else { "not met" };
    println!("{speed:6.1} million instructions/s, aim {AIM} {verdict:8} {name}");
}

fn main() {
    for workload in &WORKLOADS {
        report(speed(start(workload), workload), workload.name);
    }
    for workload in &WORKLOADS[..2] {
        let (mut core, mut memory) = start(workload);
        switch_caches_on(&mut core, &mut memory);
        let name = format!("both caches on, {}", workload.name);
        report(speed((core, memory), workload), &name);
    }
    let mut board = Board::builder()
        .boot_image(program(0x0800_0000))
        .build()
        .expect("the image fits");
    report(
        speed_of(&mut board, 0x0800_0000..0x0800_0400),
        "the board, integer code in internal flash",
    );
    let mut board = Board::builder()
        .boot_image(Image::load("boot.elf").contents(0x0800_0000))
        .nor_image(program(0x7000_0000))
        .build()
        .expect("the images fit");
    board.run_for(Time::millis(400));
    report(
        speed_of(&mut board, 0x7000_0000..0x7000_0400),
        "the board, integer code in the window, MPU on",
    );
}
