//! The coprocessor space and, in it, FPv5-D16 (ARM ARM A6). D16-D31 do not exist: naming one is undefined.

use super::{Operation::*, *};

/// A register field as one of 16 double registers.
const LAST_DOUBLE: u8 = 15;

/// Decodes an instruction of the coprocessor space.
pub(super) fn decode(e: u32) -> Operation {
    if bits(e, 11, 9) != 0b101 {
        return Coprocessor;
    }
    let decoded = match bits(e, 25, 24) {
        0b00 | 0b01 if bit(e, 28) => None,
        0b00 | 0b01 if bits(e, 24, 21) == 0b0010 => pair_transfer(e),
        0b00 | 0b01 => load_store(e),
        0b10 if bit(e, 4) && bit(e, 28) => None,
        0b10 if bit(e, 4) => transfer(e),
        0b10 if bit(e, 28) => data_processing_v5(e),
        0b10 => data_processing(e),
        _ => None,
    };
    decoded.unwrap_or(UndefinedFloat)
}

/// The operands' width, and the fields d, n and m as numbers of that width.
struct Fields {
    precision: Precision,
    d: u8,
    n: u8,
    m: u8,
}

fn precision(double: bool) -> Precision {
    if double {
        Precision::Double
    } else {
        Precision::Single
    }
}

/// Number of the `precision` register with four bits at `low` and one at `extra`; double registers above D15 are `None`.
fn numbered(e: u32, precision: Precision, low: u32, extra: u32) -> Option<u8> {
    let (four, one) = (register(e, low), bits(e, extra, extra) as u8);
    match precision {
        Precision::Single => Some(four << 1 | one),
        Precision::Double => Some(one << 4 | four).filter(|number| *number <= LAST_DOUBLE),
    }
}

fn d(e: u32, precision: Precision) -> Option<u8> {
    numbered(e, precision, 12, 22)
}

fn m(e: u32, precision: Precision) -> Option<u8> {
    numbered(e, precision, 0, 5)
}

fn three(e: u32) -> Option<Fields> {
    let precision = precision(bit(e, 8));
    Some(Fields {
        precision,
        d: d(e, precision)?,
        n: numbered(e, precision, 16, 7)?,
        m: m(e, precision)?,
    })
}

/// Three-register operations and the table of the others (A6.4).
fn data_processing(e: u32) -> Option<Operation> {
    let op = bit(e, 6);
    let op = match (bits(e, 23, 20) & 0b1011, op) {
        (0b0000, false) => FloatOp::Mla,
        (0b0000, true) => FloatOp::Mls,
        (0b0001, false) => FloatOp::Nmls,
        (0b0001, true) => FloatOp::Nmla,
        (0b0010, false) => FloatOp::Mul,
        (0b0010, true) => FloatOp::Nmul,
        (0b0011, false) => FloatOp::Add,
        (0b0011, true) => FloatOp::Sub,
        (0b1000, false) => FloatOp::Div,
        (0b1001, false) => FloatOp::Fnms,
        (0b1001, true) => FloatOp::Fnma,
        (0b1010, false) => FloatOp::Fma,
        (0b1010, true) => FloatOp::Fms,
        (0b1011, _) => return other(e),
        _ => return None,
    };
    let Fields { precision, d, n, m } = three(e)?;
    Some(Float {
        op,
        precision,
        d,
        n,
        m,
    })
}

/// VSEL, VMAXNM, VMINNM, and conversions with a rounding mode of their own.
fn data_processing_v5(e: u32) -> Option<Operation> {
    if !bit(e, 23) {
        let Fields { precision, d, n, m } = three(e)?;
        let select = FloatSelect {
            // EQ, VS, GE, GT
            condition: [0, 6, 10, 12][bits(e, 21, 20) as usize],
            precision,
            d,
            n,
            m,
        };
        return (!bit(e, 6)).then_some(select);
    }
    match bits(e, 23, 20) & 0b1011 {
        0b1000 => {
            let Fields { precision, d, n, m } = three(e)?;
            let op = if bit(e, 6) {
                FloatOp::MinNm
            } else {
                FloatOp::MaxNm
            };
            Some(Float {
                op,
                precision,
                d,
                n,
                m,
            })
        }
        0b1011 if bit(e, 19) && bit(e, 6) => directed(e),
        _ => None,
    }
}

/// VRINTA, N, P, M and VCVTA, N, P, M.
fn directed(e: u32) -> Option<Operation> {
    let precision = precision(bit(e, 8));
    let rounding = match bits(e, 17, 16) {
        0 => FloatRounding::NearestAway,
        1 => FloatRounding::NearestEven,
        2 => FloatRounding::Up,
        _ => FloatRounding::Down,
    };
    if bit(e, 18) {
        return Some(FloatToInteger {
            precision,
            rounding,
            signed: bit(e, 7),
            d: d(e, Precision::Single)?,
            m: m(e, precision)?,
        });
    }
    let round = FloatRound {
        precision,
        rounding,
        exact: false,
        d: d(e, precision)?,
        m: m(e, precision)?,
    };
    (!bit(e, 7)).then_some(round)
}

/// Other VFP data processing (A6.4, second table).
fn other(e: u32) -> Option<Operation> {
    let precision = precision(bit(e, 8));
    if !bit(e, 6) {
        let immediate = (bits(e, 19, 16) << 4 | bits(e, 3, 0)) as u8;
        return Some(FloatImmediate {
            precision,
            d: d(e, precision)?,
            immediate,
        });
    }
    let upper = bit(e, 7);
    let unary = |op| {
        Some(FloatUnary {
            op,
            precision,
            d: d(e, precision)?,
            m: m(e, precision)?,
        })
    };
    let round = |rounding, exact| {
        Some(FloatRound {
            precision,
            rounding,
            exact,
            d: d(e, precision)?,
            m: m(e, precision)?,
        })
    };
    match (bits(e, 19, 16), upper) {
        (0b0000, false) => unary(FloatUnaryOp::Mov),
        (0b0000, true) => unary(FloatUnaryOp::Abs),
        (0b0001, false) => unary(FloatUnaryOp::Neg),
        (0b0001, true) => unary(FloatUnaryOp::Sqrt),
        (0b0010, top) => Some(FloatFromHalf {
            precision,
            top,
            d: d(e, precision)?,
            m: m(e, Precision::Single)?,
        }),
        (0b0011, top) => Some(FloatToHalf {
            precision,
            top,
            d: d(e, Precision::Single)?,
            m: m(e, precision)?,
        }),
        (0b0100, signalling) => Some(FloatCompare {
            precision,
            signalling,
            d: d(e, precision)?,
            m: Some(m(e, precision)?),
        }),
        (0b0101, signalling) => Some(FloatCompare {
            precision,
            signalling,
            d: d(e, precision)?,
            m: None,
        }),
        (0b0110, false) => round(FloatRounding::Current, false),
        (0b0110, true) => round(FloatRounding::Zero, false),
        (0b0111, false) => round(FloatRounding::Current, true),
        (0b0111, true) => resize(e, precision),
        (0b1000, signed) => Some(FloatFromInteger {
            precision,
            signed,
            d: d(e, precision)?,
            m: m(e, Precision::Single)?,
        }),
        (0b1010 | 0b1011 | 0b1110 | 0b1111, _) => fixed(e, precision),
        (0b1100 | 0b1101, toward_zero) => Some(FloatToInteger {
            precision,
            rounding: if toward_zero {
                FloatRounding::Zero
            } else {
                FloatRounding::Current
            },
            signed: bit(e, 16),
            d: d(e, Precision::Single)?,
            m: m(e, precision)?,
        }),
        _ => None,
    }
}

fn resize(e: u32, source: Precision) -> Option<Operation> {
    let target = precision(source == Precision::Single);
    Some(FloatResize {
        precision: source,
        d: d(e, target)?,
        m: m(e, source)?,
    })
}

/// VCVT between floating point and fixed point.
fn fixed(e: u32, precision: Precision) -> Option<Operation> {
    let size = if bit(e, 7) { 32 } else { 16 };
    let immediate = bits(e, 3, 0) << 1 | bits(e, 5, 5);
    let fraction = size - i64::from(immediate);
    let (size, fraction) = (size as u8, u8::try_from(fraction).ok()?);
    let (signed, d) = (!bit(e, 16), d(e, precision)?);
    Some(if bit(e, 18) {
        FloatToFixed {
            precision,
            signed,
            size,
            fraction,
            d,
        }
    } else {
        FloatFromFixed {
            precision,
            signed,
            size,
            fraction,
            d,
        }
    })
}

/// 32-bit transfers between core and extension registers (A6.6).
fn transfer(e: u32) -> Option<Operation> {
    let t = register(e, 12);
    let to_core = bit(e, 20);
    let n = match (bit(e, 8), bits(e, 23, 21)) {
        (false, 0b000) => numbered(e, Precision::Single, 16, 7)?,
        (false, 0b111) => {
            return match (to_core, bits(e, 19, 16)) {
                (true, 1) => Some(ReadFloatStatus { t }),
                (false, 1) => Some(WriteFloatStatus { t }),
                _ => None,
            };
        }
        // One half of a double register.
        (true, 0b000 | 0b001) if bits(e, 6, 5) == 0 => {
            numbered(e, Precision::Double, 16, 7)? << 1 | bits(e, 21, 21) as u8
        }
        _ => return None,
    };
    Some(if to_core {
        FloatToCore { t, n }
    } else {
        CoreToFloat { t, n }
    })
}

/// 64-bit transfers between core and extension registers (A6.7).
fn pair_transfer(e: u32) -> Option<Operation> {
    if !bit(e, 22) || bits(e, 7, 6) != 0 || !bit(e, 4) {
        return None;
    }
    let (t, t2) = (register(e, 12), register(e, 16));
    let precision = precision(bit(e, 8));
    let m = match precision {
        Precision::Single => m(e, precision).filter(|m| *m < 31)?,
        Precision::Double => m(e, precision)? << 1,
    };
    Some(if bit(e, 20) {
        FloatToCorePair { t, t2, m }
    } else {
        CorePairToFloat { t, t2, m }
    })
}

/// Extension register loads and stores (A6.5).
fn load_store(e: u32) -> Option<Operation> {
    let precision = precision(bit(e, 8));
    let (n, load) = (register(e, 16), bit(e, 20));
    let words = bits(e, 7, 0);
    let scaled = (words * 4) as i16;
    let (pre, add, writeback) = (bit(e, 24), bit(e, 23), bit(e, 21));
    if pre && !writeback {
        let d = d(e, precision)?;
        let offset = if add { scaled } else { -scaled };
        return Some(if load {
            FloatLoad {
                precision,
                d,
                n,
                offset,
            }
        } else {
            FloatStore {
                precision,
                d,
                n,
                offset,
            }
        });
    }
    if pre == add || n == 15 {
        return None;
    }
    // An odd count of words with double registers is FLDMX, FSTMX: it moves the base by one word more.
    let (first, words) = match precision {
        Precision::Single => (d(e, precision)?, words),
        Precision::Double => (d(e, precision)? << 1, words & !1),
    };
    if words == 0 || u32::from(first) + words > 32 {
        return None;
    }
    let words = words as u8;
    let step = if add { scaled } else { -scaled };
    Some(if load {
        FloatLoadMultiple {
            n,
            first,
            words,
            step,
            writeback,
        }
    } else {
        FloatStoreMultiple {
            n,
            first,
            words,
            step,
            writeback,
        }
    })
}
