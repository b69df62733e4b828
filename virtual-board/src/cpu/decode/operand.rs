//! The small vocabularies that operations are made of: operands, shifts, addressing, kinds of arithmetic.

/// Data-processing operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[expect(missing_docs, reason = "mnemonics")]
pub enum Alu { And, Bic, Orr, Orn, Eor, Add, Adc, Sub, Sbc, Rsb, Mov, Mvn, Tst, Teq, Cmp, Cmn }

/// When N, Z, C and V change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetFlags {
    /// Never.
    Never,
    /// Always (the S suffix of a 32-bit encoding).
    Always,
    /// Only outside an IT block (most 16-bit encodings).
    OutsideIt,
}

/// The second operand of a data-processing instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A register.
    Register(u8),
    /// A constant that leaves the carry alone.
    Immediate(u32),
    /// A rotated constant: logical operations take its bit 31 as carry.
    RotatedImmediate(u32),
    /// A register shifted by a constant.
    Shifted {
        /// The register.
        m: u8,
        /// How.
        shift: Shift,
        /// By how much, 1 to 32.
        amount: u8,
    },
    /// A register shifted by the low byte of another.
    ShiftedByRegister {
        /// The register.
        m: u8,
        /// How.
        shift: Shift,
        /// The register with the amount.
        s: u8,
    },
}

/// Shifts (ARM ARM A7.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[expect(missing_docs, reason = "LSL, LSR, ASR, ROR, RRX")]
pub enum Shift { Left, LogicalRight, ArithmeticRight, RotateRight, RotateExtend }

/// How a base register moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// It does not.
    Offset,
    /// Before the access.
    Pre,
    /// After the access.
    Post,
    /// It does not, and the access is made as if unprivileged (LDRT, STRT).
    Unprivileged,
}

/// What a load does with what it read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[expect(missing_docs, reason = "LDR, LDRH, LDRB, LDRSH, LDRSB")]
pub enum LoadSize { Word, Half, Byte, SignedHalf, SignedByte }

/// SXTB, SXTB16, SXTH and the unsigned ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[expect(missing_docs, reason = "as above")]
pub enum ExtendKind { SignedByte, SignedBytes, SignedHalf, UnsignedByte, UnsignedBytes, UnsignedHalf }

/// Operations on one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[expect(missing_docs, reason = "CLZ, RBIT, REV, REV16, REVSH")]
pub enum UnaryOp { CountLeadingZeros, ReverseBits, Reverse, ReverseHalves, ReverseSignedHalf }

/// Lanes of a parallel addition or subtraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[expect(missing_docs, reason = "ADD16, ASX, SAX, SUB16, ADD8, SUB8")]
pub enum ParallelOp { Add16, AddSubtractExchange, SubtractAddExchange, Subtract16, Add8, Subtract8 }

/// What a parallel lane does with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[expect(missing_docs, reason = "prefixes S, Q, SH, U, UQ, UH")]
pub enum Flavour { Signed, Saturating, Halving, Unsigned, UnsignedSaturating, UnsignedHalving }

/// Multiplications with a 32-bit result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultiplyOp {
    /// MUL, MLA.
    Plain,
    /// MLS.
    Subtract,
    /// SMULxy, SMLAxy: which halves of `n` and `m`.
    Halves {
        /// Top half of `n`.
        n_top: bool,
        /// Top half of `m`.
        m_top: bool,
    },
    /// SMULWy, SMLAWy.
    WordByHalf {
        /// Top half of `m`.
        m_top: bool,
    },
    /// SMUAD, SMLAD, with their X forms.
    DualAdd {
        /// Halves of `m` exchanged.
        exchange: bool,
    },
    /// SMUSD, SMLSD, with their X forms.
    DualSubtract {
        /// Halves of `m` exchanged.
        exchange: bool,
    },
    /// SMMUL, SMMLA, with their R forms.
    MostSignificant {
        /// Rounded instead of truncated.
        round: bool,
    },
    /// SMMLS, SMMLSR.
    MostSignificantSubtract {
        /// Rounded instead of truncated.
        round: bool,
    },
    /// USAD8, USADA8.
    AbsoluteDifferences,
}

/// Multiplications with a 64-bit result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongOp {
    /// SMULL.
    Signed,
    /// UMULL.
    Unsigned,
    /// SMLAL.
    SignedAccumulate,
    /// UMLAL.
    UnsignedAccumulate,
    /// UMAAL.
    UnsignedAccumulateTwice,
    /// SMLALxy.
    Halves {
        /// Top half of `n`.
        n_top: bool,
        /// Top half of `m`.
        m_top: bool,
    },
    /// SMLALD, SMLALDX.
    DualAdd {
        /// Halves of `m` exchanged.
        exchange: bool,
    },
    /// SMLSLD, SMLSLDX.
    DualSubtract {
        /// Halves of `m` exchanged.
        exchange: bool,
    },
}

/// Width of a floating-point operand. Register numbers are S0-S31 or D0-D15 accordingly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[expect(missing_docs, reason = "as said")]
pub enum Precision { Single, Double }

/// Floating-point operations with three registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[expect(missing_docs, reason = "mnemonics after their V")]
pub enum FloatOp { Add, Sub, Mul, Nmul, Div, Mla, Mls, Nmla, Nmls, Fma, Fms, Fnma, Fnms, MaxNm, MinNm }

/// Floating-point operations with two registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[expect(missing_docs, reason = "mnemonics after their V")]
pub enum FloatUnaryOp { Mov, Abs, Neg, Sqrt }

/// Where a rounding mode comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatRounding {
    /// FPSCR.RMode (VCVTR, VRINTR, VRINTX).
    Current,
    /// To nearest, ties away from zero (the A forms).
    NearestAway,
    /// To nearest, ties to even (the N forms).
    NearestEven,
    /// Towards plus infinity (the P forms).
    Up,
    /// Towards minus infinity (the M forms).
    Down,
    /// Towards zero (VCVT, VRINTZ).
    Zero,
}
