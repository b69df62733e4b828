//! Floating-point instructions on the register file (ARM ARM A7.7, V mnemonics).

use super::{
    Environment, Rounding,
    arithmetic::{
        add, compare, divide, maximum_number, multiply, multiply_add, negate, square_root, subtract,
    },
    convert::{Fixed, from_fixed, immediate, resize, to_fixed, to_half, to_integral},
    fpscr,
    number::{Double, Format, Half, Single},
};
use crate::{
    bus::Bus,
    cpu::{
        Core,
        decode::{FloatOp, FloatRounding, FloatUnaryOp, Operation, Precision},
        registers::{Registers, psr},
        trap::Trap,
    },
};

/// Calls `$function` for the format that `$precision` names.
macro_rules! in_format {
    ($precision:expr, $function:ident ( $($argument:expr),* )) => {
        match $precision {
            Precision::Single => $function::<Single>($($argument),*),
            Precision::Double => $function::<Double>($($argument),*),
        }
    };
}

impl FloatRounding {
    fn mode(self, environment: &Environment) -> Rounding {
        match self {
            Self::Current => environment.rounding,
            Self::NearestAway => Rounding::NearestAway,
            Self::NearestEven => Rounding::NearestEven,
            Self::Up => Rounding::Up,
            Self::Down => Rounding::Down,
            Self::Zero => Rounding::Zero,
        }
    }
}

impl Registers {
    fn float(&self, precision: Precision, number: u8) -> u64 {
        let number = usize::from(number);
        match precision {
            Precision::Single => self.s[number & 31].into(),
            Precision::Double => {
                let low = number << 1 & 30;
                u64::from(self.s[low + 1]) << 32 | u64::from(self.s[low])
            }
        }
    }

    fn set_float(&mut self, precision: Precision, number: u8, bits: u64) {
        let number = usize::from(number);
        match precision {
            Precision::Single => self.s[number & 31] = bits as u32,
            Precision::Double => {
                let low = number << 1 & 30;
                self.s[low] = bits as u32;
                self.s[low + 1] = (bits >> 32) as u32;
            }
        }
    }

    fn half(&self, number: u8, top: bool) -> u64 {
        let word = self.s[usize::from(number & 31)];
        u64::from(if top { word >> 16 } else { word & 0xFFFF })
    }

    fn set_half(&mut self, number: u8, top: bool, bits: u64) {
        let word = &mut self.s[usize::from(number & 31)];
        let half = bits as u32 & 0xFFFF;
        *word = if top {
            *word & 0xFFFF | half << 16
        } else {
            *word & 0xFFFF_0000 | half
        };
    }
}

fn three_operands<F: Format>(
    op: FloatOp,
    d: u64,
    n: u64,
    m: u64,
    environment: &mut Environment,
) -> u64 {
    let minus = negate::<F>;
    match op {
        FloatOp::Add => add::<F>(n, m, environment),
        FloatOp::Sub => subtract::<F>(n, m, environment),
        FloatOp::Mul => multiply::<F>(n, m, environment),
        FloatOp::Nmul => minus(multiply::<F>(n, m, environment)),
        FloatOp::Div => divide::<F>(n, m, environment),
        FloatOp::Mla | FloatOp::Mls | FloatOp::Nmla | FloatOp::Nmls => {
            let product = multiply::<F>(n, m, environment);
            match op {
                FloatOp::Mla => add::<F>(d, product, environment),
                FloatOp::Mls => add::<F>(d, minus(product), environment),
                FloatOp::Nmla => add::<F>(minus(d), minus(product), environment),
                _ => add::<F>(minus(d), product, environment),
            }
        }
        FloatOp::Fma => multiply_add::<F>(d, n, m, environment),
        FloatOp::Fms => multiply_add::<F>(d, minus(n), m, environment),
        FloatOp::Fnma => multiply_add::<F>(minus(d), minus(n), m, environment),
        FloatOp::Fnms => multiply_add::<F>(minus(d), n, m, environment),
        FloatOp::MaxNm => maximum_number::<F>(n, m, false, environment),
        FloatOp::MinNm => maximum_number::<F>(n, m, true, environment),
    }
}

fn two_operands<F: Format>(op: FloatUnaryOp, m: u64, environment: &mut Environment) -> u64 {
    match op {
        FloatUnaryOp::Mov => m,
        FloatUnaryOp::Abs => m & !F::SIGN,
        FloatUnaryOp::Neg => negate::<F>(m),
        FloatUnaryOp::Sqrt => square_root::<F>(m, environment),
    }
}

impl Core {
    /// Executes a floating-point instruction once the FPU may be used.
    pub(in crate::cpu) fn float<B: Bus>(
        &mut self,
        bus: &mut B,
        operation: Operation,
    ) -> Result<(), Trap> {
        use Operation::*;
        self.fpu_access(bus)?;
        match operation {
            FloatLoad { .. }
            | FloatStore { .. }
            | FloatLoadMultiple { .. }
            | FloatStoreMultiple { .. } => self.float_memory(bus, operation),
            CoreToFloat { .. }
            | FloatToCore { .. }
            | CorePairToFloat { .. }
            | FloatToCorePair { .. }
            | ReadFloatStatus { .. }
            | WriteFloatStatus { .. } => self.float_transfer(operation),
            _ => self.float_compute(operation),
        }
    }

    fn float_compute(&mut self, operation: Operation) -> Result<(), Trap> {
        use Operation::*;
        let registers = &mut self.registers;
        let mut environment = Environment::new(registers.fpscr);
        let environment = &mut environment;
        match operation {
            Float {
                op,
                precision,
                d,
                n,
                m,
            } => {
                let old = registers.float(precision, d);
                let n = registers.float(precision, n);
                let m = registers.float(precision, m);
                let result = in_format!(precision, three_operands(op, old, n, m, environment));
                registers.set_float(precision, d, result);
            }
            FloatSelect {
                condition,
                precision,
                d,
                n,
                m,
            } => {
                let source = if registers.condition_holds(condition) {
                    n
                } else {
                    m
                };
                let value = registers.float(precision, source);
                registers.set_float(precision, d, value);
            }
            FloatUnary {
                op,
                precision,
                d,
                m,
            } => {
                let m = registers.float(precision, m);
                let result = in_format!(precision, two_operands(op, m, environment));
                registers.set_float(precision, d, result);
            }
            FloatImmediate {
                precision,
                d,
                immediate: bits,
            } => {
                let value = in_format!(precision, immediate(bits));
                registers.set_float(precision, d, value);
            }
            FloatCompare {
                precision,
                signalling,
                d,
                m,
            } => {
                let left = registers.float(precision, d);
                let right = m.map_or(0, |m| registers.float(precision, m));
                let flags = in_format!(precision, compare(left, right, signalling, environment));
                registers.fpscr = registers.fpscr & !fpscr::NZCV | flags;
            }
            FloatRound {
                precision,
                rounding,
                exact,
                d,
                m,
            } => {
                let rounding = rounding.mode(environment);
                let m = registers.float(precision, m);
                let result = in_format!(precision, to_integral(m, rounding, exact, environment));
                registers.set_float(precision, d, result);
            }
            FloatResize { precision, d, m } => {
                let m = registers.float(precision, m);
                match precision {
                    Precision::Single => {
                        let result = resize::<Single, Double>(m, environment);
                        registers.set_float(Precision::Double, d, result);
                    }
                    Precision::Double => {
                        let result = resize::<Double, Single>(m, environment);
                        registers.set_float(Precision::Single, d, result);
                    }
                }
            }
            FloatFromHalf {
                precision,
                top,
                d,
                m,
            } => {
                let m = registers.half(m, top);
                let result = match precision {
                    Precision::Single => resize::<Half, Single>(m, environment),
                    Precision::Double => resize::<Half, Double>(m, environment),
                };
                registers.set_float(precision, d, result);
            }
            FloatToHalf {
                precision,
                top,
                d,
                m,
            } => {
                let m = registers.float(precision, m);
                let result = in_format!(precision, to_half(m, environment));
                registers.set_half(d, top, result);
            }
            FloatToInteger {
                precision,
                rounding,
                signed,
                d,
                m,
            } => {
                let rounding = rounding.mode(environment);
                let m = registers.float(precision, m);
                let format = Fixed::integer(signed);
                let result = in_format!(precision, to_fixed(m, format, rounding, environment));
                registers.set_float(Precision::Single, d, result.into());
            }
            FloatFromInteger {
                precision,
                signed,
                d,
                m,
            } => {
                let m = registers.float(Precision::Single, m) as u32;
                let format = Fixed::integer(signed);
                let result = in_format!(precision, from_fixed(m, format, environment));
                registers.set_float(precision, d, result);
            }
            FloatToFixed {
                precision,
                signed,
                size,
                fraction,
                d,
            } => {
                let format = Fixed {
                    signed,
                    size,
                    fraction,
                };
                let value = registers.float(precision, d);
                let result = in_format!(
                    precision,
                    to_fixed(value, format, Rounding::Zero, environment)
                );
                // The rest of a double register is filled with the sign.
                let extended = if signed {
                    i64::from(result as i32) as u64
                } else {
                    result.into()
                };
                registers.set_float(precision, d, extended);
            }
            FloatFromFixed {
                precision,
                signed,
                size,
                fraction,
                d,
            } => {
                let format = Fixed {
                    signed,
                    size,
                    fraction,
                };
                environment.rounding = Rounding::NearestEven;
                let value = registers.float(precision, d) as u32;
                let result = in_format!(precision, from_fixed(value, format, environment));
                registers.set_float(precision, d, result);
            }
            _ => return Err(Trap::Undefined),
        }
        registers.fpscr |= environment.raised;
        Ok(())
    }

    fn float_transfer(&mut self, operation: Operation) -> Result<(), Trap> {
        use Operation::*;
        let registers = &mut self.registers;
        let place = |n: u8| usize::from(n & 31);
        match operation {
            CoreToFloat { t, n } => registers.s[place(n)] = registers.get(t),
            FloatToCore { t, n } => registers.set(t, registers.s[place(n)]),
            CorePairToFloat { t, t2, m } => {
                registers.s[place(m)] = registers.get(t);
                registers.s[place(m + 1)] = registers.get(t2);
            }
            FloatToCorePair { t, t2, m } => {
                registers.set(t, registers.s[place(m)]);
                registers.set(t2, registers.s[place(m + 1)]);
            }
            ReadFloatStatus { t: 15 } => {
                let others = registers.apsr & (psr::Q | psr::GE);
                registers.apsr = others | registers.fpscr & fpscr::NZCV;
            }
            ReadFloatStatus { t } => registers.set(t, registers.fpscr),
            WriteFloatStatus { t } => registers.fpscr = registers.get(t) & fpscr::WRITABLE,
            _ => return Err(Trap::Undefined),
        }
        Ok(())
    }

    fn float_memory<B: Bus>(&mut self, bus: &mut B, operation: Operation) -> Result<(), Trap> {
        use Operation::*;
        match operation {
            FloatLoad {
                precision,
                d,
                n,
                offset,
            } => {
                let address = self.float_address(n, offset);
                let low = self.load_word(bus, address)?;
                let high = match precision {
                    Precision::Single => 0,
                    Precision::Double => self.load_word(bus, address.wrapping_add(4))?,
                };
                let bits = u64::from(high) << 32 | u64::from(low);
                self.registers.set_float(precision, d, bits);
            }
            FloatStore {
                precision,
                d,
                n,
                offset,
            } => {
                let address = self.float_address(n, offset);
                let bits = self.registers.float(precision, d);
                self.store_word(bus, address, bits as u32)?;
                if precision == Precision::Double {
                    self.store_word(bus, address.wrapping_add(4), (bits >> 32) as u32)?;
                }
            }
            FloatLoadMultiple {
                n,
                first,
                words,
                step,
                writeback,
            } => {
                let mut address = self.float_block(n, step);
                let mut values = [0; 32];
                let values = &mut values[..usize::from(words)];
                for value in values.iter_mut() {
                    *value = self.load_word(bus, address)?;
                    address = address.wrapping_add(4);
                }
                let place = usize::from(first)..usize::from(first + words);
                self.registers.s[place].copy_from_slice(values);
                self.float_write_back(n, step, writeback);
            }
            FloatStoreMultiple {
                n,
                first,
                words,
                step,
                writeback,
            } => {
                let mut address = self.float_block(n, step);
                for place in usize::from(first)..usize::from(first + words) {
                    self.store_word(bus, address, self.registers.s[place])?;
                    address = address.wrapping_add(4);
                }
                self.float_write_back(n, step, writeback);
            }
            _ => return Err(Trap::Undefined),
        }
        Ok(())
    }

    fn float_address(&self, n: u8, offset: i16) -> u32 {
        let base = if n == 15 {
            self.registers.literal_base()
        } else {
            self.registers.get(n)
        };
        base.wrapping_add_signed(offset.into())
    }

    /// First address of a multiple transfer: one that moves the base down begins where the base ends.
    fn float_block(&self, n: u8, step: i16) -> u32 {
        self.registers
            .get(n)
            .wrapping_add_signed(step.min(0).into())
    }

    fn float_write_back(&mut self, n: u8, step: i16, writeback: bool) {
        if writeback {
            let base = self.registers.get(n).wrapping_add_signed(step.into());
            self.registers.set(n, base);
        }
    }
}
