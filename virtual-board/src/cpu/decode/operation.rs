//! What an instruction does, with its operands already taken apart. Register fields are numbers 0 to 15.

use super::operand::*;
use crate::bus::Width;

/// One instruction's meaning. Names are the ARM ARM's groups; the mnemonics stand in the comments.
/// `d`, `n`, `m`, `a`, `t` and `t2` are the register numbers of the manual.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are named as in the manual")]
pub enum Operation {
    /// UDF and everything unallocated.
    Undefined,
    /// Any coprocessor but the FPU.
    Coprocessor,
    /// Unallocated in the FPU's space: undefined, but only once the FPU may be used at all.
    UndefinedFloat,

    /// AND to RSB, MOV, MVN and the compares.
    Data {
        op: Alu,
        flags: SetFlags,
        d: u8,
        n: u8,
        operand: Operand,
    },
    /// ADR: Align(PC, 4) plus or minus.
    Address { d: u8, offset: i16 },
    /// MOVT.
    MoveTop { d: u8, immediate: u16 },
    /// SXTB, UXTAH, ...; `n` 15 adds nothing.
    Extend {
        kind: ExtendKind,
        d: u8,
        n: u8,
        m: u8,
        rotate: u8,
    },
    /// CLZ, RBIT, REV, REV16, REVSH.
    Unary { op: UnaryOp, d: u8, m: u8 },
    /// SBFX, UBFX.
    BitFieldExtract {
        signed: bool,
        d: u8,
        n: u8,
        low: u8,
        width: u8,
    },
    /// BFI; `n` 15 is BFC.
    BitFieldInsert { d: u8, n: u8, low: u8, width: u8 },
    /// SSAT, USAT: `bits` is the width of the result.
    Saturate {
        signed: bool,
        d: u8,
        n: u8,
        bits: u8,
        shift: Shift,
        amount: u8,
    },
    /// SSAT16, USAT16.
    SaturateHalves {
        signed: bool,
        d: u8,
        n: u8,
        bits: u8,
    },
    /// PKHBT, PKHTB (`top`, with an arithmetic right shift of 1 to 32).
    Pack {
        top: bool,
        d: u8,
        n: u8,
        m: u8,
        amount: u8,
    },
    /// SADD16 to UHSUB8.
    Parallel {
        op: ParallelOp,
        flavour: Flavour,
        d: u8,
        n: u8,
        m: u8,
    },
    /// QADD, QDADD, QSUB, QDSUB: `m` plus or minus `n`, doubled if asked.
    SaturatingAdd {
        subtract: bool,
        double: bool,
        d: u8,
        n: u8,
        m: u8,
    },
    /// SEL.
    SelectBytes { d: u8, n: u8, m: u8 },
    /// 16-bit MUL sets N and Z outside an IT block.
    MultiplyNarrow { d: u8, n: u8, m: u8 },
    /// MUL, MLA, SMLAD, SMMUL, USADA8, ...; `a` 15 adds nothing.
    Multiply {
        op: MultiplyOp,
        d: u8,
        n: u8,
        m: u8,
        a: u8,
    },
    /// SMULL, UMLAL, SMLALD, UMAAL, ...
    MultiplyLong {
        op: LongOp,
        low: u8,
        high: u8,
        n: u8,
        m: u8,
    },
    /// SDIV, UDIV.
    Divide { signed: bool, d: u8, n: u8, m: u8 },

    /// LDR and its narrower kin, immediate or literal (`n` 15).
    Load {
        size: LoadSize,
        t: u8,
        n: u8,
        index: Index,
        offset: i16,
    },
    /// LDR and its narrower kin with a register offset.
    LoadRegister {
        size: LoadSize,
        t: u8,
        n: u8,
        m: u8,
        shift: u8,
    },
    /// STR, STRH, STRB, immediate.
    Store {
        width: Width,
        t: u8,
        n: u8,
        index: Index,
        offset: i16,
    },
    /// STR, STRH, STRB with a register offset.
    StoreRegister {
        width: Width,
        t: u8,
        n: u8,
        m: u8,
        shift: u8,
    },
    /// LDRD.
    LoadDual {
        t: u8,
        t2: u8,
        n: u8,
        index: Index,
        offset: i16,
    },
    /// STRD.
    StoreDual {
        t: u8,
        t2: u8,
        n: u8,
        index: Index,
        offset: i16,
    },
    /// LDREX, LDREXH, LDREXB.
    LoadExclusive {
        width: Width,
        t: u8,
        n: u8,
        offset: i16,
    },
    /// STREX, STREXH, STREXB.
    StoreExclusive {
        width: Width,
        d: u8,
        t: u8,
        n: u8,
        offset: i16,
    },
    /// CLREX.
    ClearExclusive,
    /// LDM, LDMDB, POP.
    LoadMultiple {
        n: u8,
        list: u16,
        before: bool,
        writeback: bool,
    },
    /// STM, STMDB, PUSH.
    StoreMultiple {
        n: u8,
        list: u16,
        before: bool,
        writeback: bool,
    },
    /// TBB, TBH.
    TableBranch { half: bool, n: u8, m: u8 },

    /// B, with a condition other than the IT block's if it has one.
    Branch { condition: u8, offset: i32 },
    /// BL.
    BranchLink { offset: i32 },
    /// BX, BLX.
    BranchExchange { link: bool, m: u8 },
    /// CBZ, CBNZ.
    CompareBranch { nonzero: bool, n: u8, offset: u8 },
    /// IT, with ITSTATE as it becomes.
    IfThen { state: u8 },

    /// NOP, YIELD, DBG, PLD, PLI and the barriers: memory is strongly ordered and uncached here.
    Nothing,
    /// WFE.
    WaitForEvent,
    /// WFI.
    WaitForInterrupt,
    /// SEV.
    SendEvent,
    /// SVC; its immediate is read from memory by the handler.
    SupervisorCall,
    /// BKPT.
    Breakpoint { immediate: u8 },
    /// CPSIE, CPSID.
    ChangeState {
        disable: bool,
        primask: bool,
        faultmask: bool,
    },
    /// MRS.
    ReadSpecial { d: u8, special: u8 },
    /// MSR; `mask` is nzcvq (2) and g (1).
    WriteSpecial { n: u8, special: u8, mask: u8 },

    /// VADD to VFNMS, VMAXNM, VMINNM.
    Float {
        op: FloatOp,
        precision: Precision,
        d: u8,
        n: u8,
        m: u8,
    },
    /// VSEL.
    FloatSelect {
        condition: u8,
        precision: Precision,
        d: u8,
        n: u8,
        m: u8,
    },
    /// VMOV, VABS, VNEG, VSQRT between registers.
    FloatUnary {
        op: FloatUnaryOp,
        precision: Precision,
        d: u8,
        m: u8,
    },
    /// VMOV immediate, still in its 8-bit form.
    FloatImmediate {
        precision: Precision,
        d: u8,
        immediate: u8,
    },
    /// VCMP, VCMPE with a register, or with zero.
    FloatCompare {
        precision: Precision,
        signalling: bool,
        d: u8,
        m: Option<u8>,
    },
    /// VRINT*; `exact` reports inexactness (VRINTX).
    FloatRound {
        precision: Precision,
        rounding: FloatRounding,
        exact: bool,
        d: u8,
        m: u8,
    },
    /// VCVT between single and double; `precision` is the source's.
    FloatResize { precision: Precision, d: u8, m: u8 },
    /// VCVTB, VCVTT from half precision.
    FloatFromHalf {
        precision: Precision,
        top: bool,
        d: u8,
        m: u8,
    },
    /// VCVTB, VCVTT to half precision.
    FloatToHalf {
        precision: Precision,
        top: bool,
        d: u8,
        m: u8,
    },
    /// VCVT, VCVTR, VCVTA, ... to a 32-bit integer.
    FloatToInteger {
        precision: Precision,
        rounding: FloatRounding,
        signed: bool,
        d: u8,
        m: u8,
    },
    /// VCVT from a 32-bit integer.
    FloatFromInteger {
        precision: Precision,
        signed: bool,
        d: u8,
        m: u8,
    },
    /// VCVT to fixed point in place; `size` is 16 or 32.
    FloatToFixed {
        precision: Precision,
        signed: bool,
        size: u8,
        fraction: u8,
        d: u8,
    },
    /// VCVT from fixed point in place.
    FloatFromFixed {
        precision: Precision,
        signed: bool,
        size: u8,
        fraction: u8,
        d: u8,
    },
    /// VMOV of one word to S`n`; a half of a double register is an S register too.
    CoreToFloat { t: u8, n: u8 },
    /// VMOV of one word from S`n`.
    FloatToCore { t: u8, n: u8 },
    /// VMOV of two words to S`m` and its neighbour.
    CorePairToFloat { t: u8, t2: u8, m: u8 },
    /// VMOV of two words from S`m` and its neighbour.
    FloatToCorePair { t: u8, t2: u8, m: u8 },
    /// VMRS; `t` 15 is APSR_nzcv.
    ReadFloatStatus { t: u8 },
    /// VMSR.
    WriteFloatStatus { t: u8 },
    /// VLDR.
    FloatLoad {
        precision: Precision,
        d: u8,
        n: u8,
        offset: i16,
    },
    /// VSTR.
    FloatStore {
        precision: Precision,
        d: u8,
        n: u8,
        offset: i16,
    },
    /// VLDM, VPOP: `words` S registers from S`first` on; `step` is what the base moves by.
    FloatLoadMultiple {
        n: u8,
        first: u8,
        words: u8,
        step: i16,
        writeback: bool,
    },
    /// VSTM, VPUSH.
    FloatStoreMultiple {
        n: u8,
        first: u8,
        words: u8,
        step: i16,
        writeback: bool,
    },
}
