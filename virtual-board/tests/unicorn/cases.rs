//! Random cases of a class: fields, registers with values that matter, and sometimes an IT block around.

use crate::{
    classes::{Class, Fields},
    random::Random,
    wire::{CODE_BASE, Case, DATA_BASE, DATA_SIZE, PADDING, SLOT, State},
};

impl Random {
    /// A core register: often a value at an edge of some width.
    fn value(&mut self) -> u32 {
        const EDGES: [u32; 20] = [
            0,
            1,
            2,
            31,
            32,
            33,
            0x7F,
            0x80,
            0xFF,
            0x7FFF,
            0x8000,
            0xFFFF,
            0x7FFF_7FFF,
            0x7FFF_8000,
            0x8000_8000,
            0x7FFF_FFFF,
            0x8000_0000,
            0x8000_0001,
            0xFFFF_FFFE,
            0xFFFF_FFFF,
        ];
        match self.below(8) {
            0..=2 => self.choose(&EDGES),
            3 => self.below(64),
            4 => self.choose(&EDGES) & 0xFFFF | self.choose(&EDGES) << 16,
            _ => self.word(),
        }
    }

    /// Zero, the smallest, one, the largest, infinity, a quiet or a signalling NaN, of either sign.
    fn special_float(&mut self, exponent: u32, fraction: u32) -> u64 {
        let infinity = ((1u64 << exponent) - 1) << fraction;
        let one = (infinity >> 1) & infinity;
        let quiet = infinity | 1 << (fraction - 1) | u64::from(self.below(16));
        let signalling = infinity | (1 + u64::from(self.below(16)));
        let magnitude = self.choose(&[0, 1, one, infinity - 1, infinity, quiet, signalling]);
        magnitude | (self.next() & 1) << (exponent + fraction)
    }

    /// A floating-point pattern of `exponent` and `fraction` bits, lively near the edges of the format.
    fn float(&mut self, exponent: u32, fraction: u32) -> u64 {
        let ones = (1u64 << exponent) - 1;
        let bias = ones >> 1;
        let near = |random: &mut Self, centre: u64, radius: u32| {
            (centre + u64::from(random.below(2 * radius + 1))).saturating_sub(radius.into()) & ones
        };
        let biased = match self.below(16) {
            0 => 0,
            1 => ones,
            2 => near(self, 0, 3),
            3 => near(self, ones - 2, 2),
            4 => near(self, bias / 2, 3),
            5 => near(self, bias + bias / 2, 3),
            // Where the edges of integers and of the narrower formats lie.
            6 => near(self, bias + 31, 2),
            7 => near(self, bias + 15, 2),
            8 => near(self, bias.saturating_sub(15), 12),
            9 => near(self, bias.saturating_sub(127), 30),
            10 => near(self, bias + 127, 2),
            11..=13 => near(self, bias, 4),
            14 => near(self, bias, fraction + 2),
            _ => self.next() & ones,
        };
        let mask = (1u64 << fraction) - 1;
        let significant = match self.below(8) {
            0 | 1 => 0,
            2 => mask,
            3 => 1 << self.below(fraction),
            4 => mask - (1 << self.below(fraction)),
            5 => self.next() & mask & !(mask >> self.below(fraction)),
            _ => self.next() & mask,
        };
        let sign = (self.next() & 1) << (exponent + fraction);
        sign | biased << fraction | significant
    }
}

/// A letter's restriction, as the table in `classes.rs` has it.
fn is_core_register(letter: char) -> bool {
    "dnmahltubBxyq".contains(letter)
}

/// Chooses all fields of `class`.
fn fields(class: &Class, random: &mut Random) -> Fields {
    loop {
        let mut fields = Fields([None; 128]);
        for letter in class.patterns.iter().flat_map(|pattern| pattern.chars()) {
            if matches!(letter, '0' | '1') || fields.0[letter as usize].is_some() {
                continue;
            }
            let width = class
                .patterns
                .iter()
                .map(|pattern| pattern.matches(letter).count())
                .max()
                .unwrap_or(0);
            let value = match letter {
                'z' => u32::from(class.double),
                'e' | 'f' | 'g' if class.double && class.patterns[0].contains('z') => 0,
                'c' => random.below(14),
                'q' if width == 4 => random.below(15),
                // R0-R12 and LR.
                letter if is_core_register(letter) && width == 4 => match random.below(14) {
                    13 => 14,
                    number => number,
                },
                _ => random.word() & ((1u64 << width) - 1) as u32,
            };
            fields.0[letter as usize] = Some(value);
        }
        if (class.legal)(&fields) {
            return fields;
        }
    }
}

/// Fills `pattern`; a field goes from its top bit down.
fn encode(pattern: &str, fields: &Fields) -> Vec<u16> {
    let mut left = [0usize; 128];
    for letter in pattern.bytes() {
        left[usize::from(letter)] += 1;
    }
    let encoding = pattern.chars().fold(0u32, |encoding, letter| {
        let bit = match letter {
            '0' => 0,
            '1' => 1,
            _ => {
                let place = &mut left[letter as usize];
                *place -= 1;
                fields.get(letter) >> *place & 1
            }
        };
        encoding << 1 | bit
    });
    match pattern.len() {
        16 => vec![encoding as u16],
        _ => vec![(encoding >> 16) as u16, encoding as u16],
    }
}

/// One random case of `class`, at code slot `slot` of `slots`.
pub fn case(index: usize, class: &Class, slot: u32, slots: u32, random: &mut Random) -> Case {
    let fields = fields(class, random);
    let mut code = Vec::new();
    let mut count = class.patterns.len() as u8;
    if class.conditional && random.one_in(4) {
        let condition = random.below(14) as u16;
        code.push(0xBF08 | condition << 4);
        count += 1;
    }
    for pattern in class.patterns {
        code.extend(encode(pattern, &fields));
    }
    let mut state = State {
        r: [0; 16],
        apsr: random.word() & 0xF80F_0000,
        fpscr: random.word() & 0xF7C0_009F,
        s: [0; 32],
        memory: Vec::new(),
        trapped: false,
    };
    if random.one_in(2) {
        state.fpscr &= 0x00C0_0000;
    }
    for value in &mut state.r {
        *value = random.value();
    }
    let middle = |random: &mut Random| DATA_BASE + DATA_SIZE / 2 + random.below(64) * 4;
    let code_address = |random: &mut Random| (CODE_BASE + PADDING + random.below(slots) * SLOT) | 1;
    state.r[13] = middle(random);
    state.r[14] = code_address(random);
    for letter in ['x', 'b', 'B', 'y'] {
        let Some(number) = fields.0[letter as usize] else {
            continue;
        };
        state.r[number as usize] = match letter {
            'x' => random.below(256),
            'b' => middle(random),
            'B' => middle(random) + random.below(4),
            _ => code_address(random),
        };
    }
    state.r[15] = CODE_BASE + PADDING + slot * SLOT;
    floats(class.double, &mut state.s, random);
    Case {
        class: index,
        oracle: class.oracle,
        code,
        count,
        state,
    }
}

fn floats(double: bool, s: &mut [u32; 32], random: &mut Random) {
    let special = random.one_in(8);
    if double {
        for pair in s.chunks_exact_mut(2) {
            let bits = if special {
                random.special_float(11, 52)
            } else {
                random.float(11, 52)
            };
            pair.copy_from_slice(&[bits as u32, (bits >> 32) as u32]);
        }
        // Sources of conversions from narrower formats.
        for _ in 0..8 {
            s[random.below(32) as usize] = random.float(8, 23) as u32;
        }
    } else {
        for value in s.iter_mut() {
            *value = match random.below(8) {
                _ if special => random.special_float(8, 23) as u32,
                0 => random.value(),
                1 => (random.float(5, 10) << 16 | random.float(5, 10)) as u32,
                _ => random.float(8, 23) as u32,
            };
        }
    }
    // Operands that nearly cancel, and their products with one.
    for _ in 0..6 {
        let (from, to) = (random.below(16) as usize, random.below(16) as usize);
        let step = if double { 2 } else { 1 };
        for offset in 0..step {
            s[to * step + offset] = s[from * step + offset];
        }
        s[to * step] ^= random.below(4);
        s[to * step + step - 1] ^= random.below(2) << 31;
    }
}
