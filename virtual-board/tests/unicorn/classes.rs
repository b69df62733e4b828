//! Every encoding class of ARMv7E-M and FPv5-D16, as bit patterns read from ARM ARM A5 to A7 independently of the decoder.
//! One table, longer than our other files because the instruction set is.
//!
//! A letter is a field, of all its places from the top bit down; the same letter in the patterns of a sequence has the same value.
//! What is UNPREDICTABLE is excluded, by the letter or by the class's own condition:
//!
//! | letter | field | restriction |
//! |---|---|---|
//! | d n m a h l t u | core register | neither SP nor PC |
//! | b, B | base register | as above; holds an address in data memory, word-aligned (b) or any (B) |
//! | x | index register | as above; holds a small number |
//! | y | register with the address of code | as above |
//! | q | core register | not PC |
//! | c | condition | not AL |
//! | e f g | extra bits of FP register numbers | zero where `z` says double |
//! | z | precision | |
//! | others | anything | |

use crate::wire::Oracle;

/// The fields of one case, by letter.
pub struct Fields(pub [Option<u32>; 128]);

impl Fields {
    /// Value of the field `letter`; zero if the class has none.
    pub fn get(&self, letter: char) -> u32 {
        self.0[letter as usize & 127].unwrap_or(0)
    }

    /// True if the fields `letters` differ from each other.
    fn differ(&self, letters: &str) -> bool {
        let mut values: Vec<u32> = letters.chars().map(|letter| self.get(letter)).collect();
        values.sort_unstable();
        values.windows(2).all(|pair| pair[0] != pair[1])
    }
}

/// One class of encodings.
pub struct Class {
    pub name: &'static str,
    pub oracle: Oracle,
    /// Instructions that are executed one after the other.
    pub patterns: &'static [&'static str],
    pub legal: fn(&Fields) -> bool,
    /// May be put into an IT block.
    pub conditional: bool,
    /// Precision of the `z` field.
    pub double: bool,
    /// Relative number of cases.
    pub weight: u32,
}

impl Class {
    const fn new(name: &'static str, patterns: &'static [&'static str]) -> Self {
        Self {
            name,
            oracle: Oracle::MProfile,
            patterns,
            legal: |_| true,
            conditional: true,
            double: false,
            weight: 1,
        }
    }

    const fn when(mut self, legal: fn(&Fields) -> bool) -> Self {
        self.legal = legal;
        self
    }

    const fn unconditional(mut self) -> Self {
        self.conditional = false;
        self
    }

    const fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    const fn double(mut self) -> Self {
        self.double = true;
        self.oracle = Oracle::AProfile;
        self
    }
}

const fn class(name: &'static str, patterns: &'static [&'static str]) -> Class {
    Class::new(name, patterns)
}

fn in_list(f: &Fields, register: char, list: char) -> bool {
    f.get(list) >> f.get(register) & 1 == 1
}

fn not_both_zero(f: &Fields) -> bool {
    f.get('P') | f.get('W') != 0
}

/// All classes.
pub fn classes() -> Vec<Class> {
    let mut classes = narrow();
    classes.extend(wide_data());
    classes.extend(wide_multiply());
    classes.extend(memory());
    classes.extend(control());
    classes.extend(float(false));
    classes.extend(float(true));
    classes.extend(float_moves());
    classes
}

fn narrow() -> Vec<Class> {
    vec![
        class("shift immediate, 16 bits", &["000ooiiiiimmmddd"])
            .when(|f| f.get('o') < 3)
            .weight(2),
        class("add, subtract, 16 bits", &["00011jommmnnnddd"]).weight(2),
        class(
            "move, compare, add, subtract immediate, 16 bits",
            &["001oodddiiiiiiii"],
        )
        .weight(2),
        class("data processing, 16 bits", &["010000oooommmddd"]).weight(4),
        class("ADD high registers", &["01000100qmmmmqqq"]),
        class("ADD with SP, 16 bits", &["01000100q1101qqq"]),
        class("CMP high registers", &["01000101nmmmmnnn"])
            .when(|f| f.get('n') >= 8 || f.get('m') >= 8),
        class("MOV high registers", &["01000110qmmmmqqq"]),
        class("MOV from SP", &["0100011001101ddd"]),
        class("MOV to PC", &["010001101yyyy111"]),
        class("ADD to PC", &["010001001xxxx111"]),
        class("ADR, 16 bits", &["10100dddiiiiiiii"]),
        class("ADD SP immediate, 16 bits", &["10101dddiiiiiiii"]),
        class("ADD, SUB SP, 16 bits", &["10110000jiiiiiii"]),
        class("extend, 16 bits", &["10110010jjmmmddd"]),
        class("reverse, 16 bits", &["10111010jjmmmddd"]).when(|f| f.get('j') != 2),
        class("branch, conditional, 16 bits", &["1101ccccjjjjjjjj"]).unconditional(),
        class("branch, 16 bits", &["11100jjjjjjjjjjj"]),
        class("compare and branch", &["1011j0j1jjjjjnnn"]).unconditional(),
        class("BX", &["010001110yyyy000"]),
        class("BLX", &["010001111yyyy000"]),
        class(
            "IT blocks",
            &[
                "10111111cccckkkk",
                "0001110jjjnnnddd",
                "010000oooommmddd",
                "0011jdddiiiiiiii",
                "01000110qmmmmqqq",
            ],
        )
        .when(|f| f.get('k') & 1 == 1 && f.get('c') < 14)
        .unconditional()
        .weight(4),
        class("hints, 16 bits", &["10111111000j0000"]),
        class("SEV, then WFE", &["1011111101000000", "1011111100100000"]).unconditional(),
    ]
}

fn wide_data() -> Vec<Class> {
    vec![
        class(
            "data processing, modified immediate",
            &["11110i0ooooSnnnn0iiiddddiiiiiiii"],
        )
        .when(|f| [0, 1, 2, 3, 4, 8, 10, 11, 13, 14].contains(&f.get('o')))
        .weight(6),
        class(
            "compare, modified immediate",
            &["11110i0oooo1nnnn0iii1111iiiiiiii"],
        )
        .when(|f| [0, 4, 8, 13].contains(&f.get('o')))
        .weight(2),
        class(
            "move, modified immediate",
            &["11110i0001jS11110iiiddddiiiiiiii"],
        ),
        class(
            "data processing, shifted register",
            &["1110101ooooSnnnn0kkkddddkkjjmmmm"],
        )
        .when(|f| [0, 1, 2, 3, 4, 8, 10, 11, 13, 14].contains(&f.get('o')))
        .weight(8),
        class(
            "compare, shifted register",
            &["1110101oooo1nnnn0kkk1111kkjjmmmm"],
        )
        .when(|f| [0, 4, 8, 13].contains(&f.get('o')))
        .weight(2),
        class(
            "move, shifted register",
            &["11101010010S11110kkkddddkkjjmmmm"],
        )
        .weight(2),
        class(
            "MVN, shifted register",
            &["11101010011S11110kkkddddkkjjmmmm"],
        ),
        class("ADD, SUB with SP", &["11110i01j0jS11010iiiddddiiiiiiii"])
            .when(|f| matches!(f.get('j'), 0 | 3)),
        class(
            "ADD, SUB SP with register",
            &["1110101oooo011010kkk1101kk00mmmm"],
        )
        .when(|f| matches!(f.get('o'), 8 | 13) && f.get('k') < 4),
        class("PKHBT, PKHTB", &["111010101100nnnn0kkkddddkkj0mmmm"]),
        class("ADDW, SUBW", &["11110i10j0j0nnnn0iiiddddiiiiiiii"])
            .when(|f| matches!(f.get('j'), 0 | 3)),
        class("ADR", &["11110i10j0j011110iiiddddiiiiiiii"]).when(|f| matches!(f.get('j'), 0 | 3)),
        class("MOVW", &["11110i100100iiii0iiiddddiiiiiiii"]),
        class("MOVT", &["11110i101100iiii0iiiddddiiiiiiii"]),
        class("SSAT, USAT", &["11110011j0k0nnnn0iiiddddii0wwwww"])
            .when(|f| f.get('k') == 0 || f.get('i') != 0)
            .weight(3),
        class("SSAT16, USAT16", &["11110011j010nnnn0000dddd0000wwww"]).weight(2),
        class("SBFX, UBFX", &["11110011j100nnnn0iiiddddii0wwwww"])
            .when(|f| f.get('i') + f.get('w') <= 31)
            .weight(2),
        class("BFI", &["111100110110nnnn0iiiddddii0wwwww"]).when(|f| f.get('w') >= f.get('i')),
        class("BFC", &["11110011011011110iiiddddii0wwwww"]).when(|f| f.get('w') >= f.get('i')),
        class("shift by register", &["111110100jjSnnnn1111dddd0000mmmm"]).weight(3),
        class("extend and add", &["111110100jjjnnnn1111dddd10rrmmmm"])
            .when(|f| f.get('j') < 6)
            .weight(2),
        class("extend", &["111110100jjj11111111dddd10rrmmmm"])
            .when(|f| f.get('j') < 6)
            .weight(2),
        class(
            "parallel add and subtract",
            &["111110101ooonnnn1111dddd0kkkmmmm"],
        )
        .when(|f| f.get('k') & 3 != 3 && f.get('o') & 3 != 3)
        .weight(12),
        class(
            "QADD, QDADD, QSUB, QDSUB",
            &["111110101000nnnn1111dddd10jjmmmm"],
        )
        .weight(3),
        class("reverse", &["111110101001nnnn1111dddd10jjmmmm"]).when(|f| f.get('n') == f.get('m')),
        class("SEL", &["111110101010nnnn1111dddd1000mmmm"]),
        class("CLZ", &["111110101011nnnn1111dddd1000mmmm"]).when(|f| f.get('n') == f.get('m')),
    ]
}

fn wide_multiply() -> Vec<Class> {
    vec![
        class("MUL", &["111110110000nnnn1111dddd0000mmmm"]),
        class("MLA, MLS", &["111110110000nnnnaaaadddd000jmmmm"]),
        class("SMULxy", &["111110110001nnnn1111dddd00jkmmmm"]),
        class("SMLAxy", &["111110110001nnnnaaaadddd00jkmmmm"]).weight(2),
        class(
            "SMUAD, SMULW, SMUSD, SMMUL",
            &["111110110ooonnnn1111dddd000jmmmm"],
        )
        .when(|f| (2..=5).contains(&f.get('o')))
        .weight(2),
        class(
            "SMLAD, SMLAW, SMLSD, SMMLA, SMMLS",
            &["111110110ooonnnnaaaadddd000jmmmm"],
        )
        .when(|f| (2..=6).contains(&f.get('o')))
        .weight(4),
        class("USAD8", &["111110110111nnnn1111dddd0000mmmm"]),
        class("USADA8", &["111110110111nnnnaaaadddd0000mmmm"]),
        class(
            "SMULL, UMULL, SMLAL, UMLAL",
            &["111110111oo0nnnnllllhhhh0000mmmm"],
        )
        .when(|f| f.differ("lh"))
        .weight(2),
        class("SMLALxy", &["111110111100nnnnllllhhhh10jkmmmm"]).when(|f| f.differ("lh")),
        class("SMLALD, SMLSLD", &["11111011110onnnnllllhhhh110jmmmm"])
            .when(|f| f.differ("lh"))
            .weight(2),
        class("UMAAL", &["111110111110nnnnllllhhhh0110mmmm"]).when(|f| f.differ("lh")),
        class("SDIV, UDIV", &["1111101110j1nnnn1111dddd1111mmmm"]).weight(2),
    ]
}

fn memory() -> Vec<Class> {
    vec![
        class("LDR literal, 16 bits", &["01001tttiiiiiiii"]),
        class(
            "load and store with register, 16 bits",
            &["0101oooxxxBBBttt"],
        )
        .when(|f| f.differ("xB"))
        .weight(2),
        class("load and store immediate, 16 bits", &["011ooiiiiiBBBttt"]),
        class(
            "load and store halfword immediate, 16 bits",
            &["1000oiiiiiBBBttt"],
        ),
        class("load and store with SP, 16 bits", &["1001otttiiiiiiii"]),
        class("load and store multiple, 16 bits", &["1100Lbbbrrrrrrrr"])
            .when(|f| f.get('r') != 0 && (f.get('L') == 1 || !in_list(f, 'b', 'r'))),
        class("PUSH", &["1011010jrrrrrrrr"]).when(|f| f.get('r') != 0),
        class("POP", &["10111100rrrrrrrr"]).when(|f| f.get('r') != 0),
        class(
            "PUSH with LR, POP with PC",
            &["10110101rrrrrrrr", "10111101rrrrrrrr"],
        )
        .unconditional(),
        class(
            "STMDB with LR, LDMIA with PC",
            &[
                "1110100100101101010rrrrrrrrrrrrr",
                "1110100010111101100rrrrrrrrrrrrr",
            ],
        )
        .when(|f| f.get('r') != 0)
        .unconditional(),
        class(
            "STR, then LDR to PC",
            &[
                "111110001100bbbbyyyy000000000100",
                "111110001101bbbb1111000000000100",
            ],
        )
        .when(|f| f.differ("by"))
        .unconditional(),
        class(
            "load and store, 12-bit offset",
            &["111110001wwLBBBBttttiiiiiiiiiiii"],
        )
        .when(|f| f.get('w') < 3)
        .weight(3),
        class(
            "load signed, 12-bit offset",
            &["111110011ww1BBBBttttiiiiiiiiiiii"],
        )
        .when(|f| f.get('w') < 2),
        class(
            "load and store, indexed or unprivileged",
            &["111110000wwLBBBBtttt1PUWiiiiiiii"],
        )
        .when(|f| f.get('w') < 3 && not_both_zero(f) && f.differ("tB"))
        .weight(4),
        class(
            "load signed, indexed or unprivileged",
            &["111110010ww1BBBBtttt1PUWiiiiiiii"],
        )
        .when(|f| f.get('w') < 2 && not_both_zero(f) && f.differ("tB"))
        .weight(2),
        class(
            "load and store with SP",
            &["111110000wwL1101tttt1PUWiiiiiiii"],
        )
        .when(|f| f.get('w') == 2 && not_both_zero(f)),
        class(
            "load and store with register",
            &["111110000wwLBBBBtttt000000kkxxxx"],
        )
        .when(|f| f.get('w') < 3 && f.differ("xB"))
        .weight(2),
        class(
            "load signed with register",
            &["111110010ww1BBBBtttt000000kkxxxx"],
        )
        .when(|f| f.get('w') < 2 && f.differ("xB")),
        class("load literal", &["11111000Uww11111ttttiiiiiiiiiiii"]).when(|f| f.get('w') < 3),
        class("load signed literal", &["11111001Uww11111ttttiiiiiiiiiiii"])
            .when(|f| f.get('w') < 2),
        class("LDRD, STRD", &["1110100PU1WLbbbbttttuuuuiiiiiiii"])
            .when(|f| not_both_zero(f) && f.differ("btu"))
            .weight(2),
        class("LDRD literal", &["11101001U1011111ttttuuuuiiiiiiii"]).when(|f| f.differ("tu")),
        class(
            "load and store multiple",
            &["1110100jj0WLbbbb0k0rrrrrrrrrrrrr"],
        )
        .when(|f| {
            let list = f.get('k') << 14 | f.get('r');
            matches!(f.get('j'), 1 | 2) && list.count_ones() > 1 && list >> f.get('b') & 1 == 0
        })
        .weight(3),
        class(
            "LDREX, STREX",
            &[
                "111010000101bbbbtttt1111iiiiiiii",
                "111010000100bbbbuuuuddddiiiiiiii",
            ],
        )
        .when(|f| f.differ("bt") && f.differ("bdu"))
        .unconditional(),
        class(
            "LDREXB, STREXB, LDREXH, STREXH",
            &[
                "111010001101bbbbtttt1111010j1111",
                "111010001100bbbbuuuu1111010jdddd",
            ],
        )
        .when(|f| f.differ("bt") && f.differ("bdu"))
        .unconditional(),
        class(
            "LDREX, CLREX, STREX",
            &[
                "111010000101bbbbtttt1111iiiiiiii",
                "11110011101111111000111100101111",
                "111010000100bbbbuuuuddddiiiiiiii",
            ],
        )
        .when(|f| f.differ("bt") && f.differ("bdu"))
        .unconditional(),
        class("TBB, TBH with PC", &["111010001101111111110000000jxxxx"]),
        class(
            "load and store multiple with SP",
            &["1110100jj0WL11010k0rrrrrrrrrrrrr"],
        )
        .when(|f| {
            let list = f.get('k') << 14 | f.get('r');
            matches!(f.get('j'), 1 | 2) && list.count_ones() > 1
        }),
        class("TBB, TBH", &["111010001101bbbb11110000000jxxxx"]).when(|f| f.differ("bx")),
        class("PLD, PLI", &["1111100j1001bbbb1111iiiiiiiiiiii"]),
    ]
}

fn control() -> Vec<Class> {
    vec![
        class("branch, conditional", &["11110jccccjjjjjj10j0jjjjjjjjjjjj"]).unconditional(),
        class("branch", &["11110jjjjjjjjjjj10j1jjjjjjjjjjjj"]),
        class("BL", &["11110jjjjjjjjjjj11j1jjjjjjjjjjjj"]),
        class("MSR APSR", &["111100111000nnnn1000kk00000000jj"]).when(|f| f.get('k') != 0),
        class("MRS xPSR", &["11110011111011111000dddd00000jjj"]).when(|f| f.get('j') != 4),
        class(
            "MSR, MRS PRIMASK, FAULTMASK",
            &[
                "111100111000nnnn10001000000100jj",
                "11110011111011111000dddd000100jj",
                "1011011001100011",
            ],
        )
        .unconditional()
        .when(|f| matches!(f.get('j'), 0 | 3)),
        class(
            "MSR, MRS BASEPRI",
            &[
                "111100111000nnnn1000100000010001",
                "11110011111011111000dddd00010001",
            ],
        )
        .unconditional(),
        class(
            "MSR, MRS PSP",
            &[
                "111100111000nnnn1000100000001001",
                "11110011111011111000dddd00001001",
            ],
        )
        .unconditional(),
        class(
            "MSR, MRS MSP",
            &[
                "111100111000nnnn1000100000001000",
                "11110011111011111000dddd00001000",
            ],
        )
        .unconditional(),
        class(
            "CPS, MRS PRIMASK",
            &[
                "10110110011j00kk",
                "11110011111011111000dddd00010000",
                "1011011001100011",
            ],
        )
        .when(|f| f.get('k') != 0)
        .unconditional(),
        class("barriers", &["111100111011111110001111oooojjjj"])
            .when(|f| (4..=6).contains(&f.get('o'))),
        class("hints", &["111100111010111110000000jjjjjjjj"])
            .when(|f| matches!(f.get('j'), 0 | 1 | 4..=16 | 240..)),
        class("SVC", &["11011111iiiiiiii"]).unconditional(),
        class("BKPT", &["10111110iiiiiiii"]).unconditional(),
        class("UDF", &["11011110iiiiiiii"]).unconditional(),
        class("UDF, 32 bits", &["111101111111iiii1010iiiiiiiiiiii"]).unconditional(),
    ]
}

/// Arithmetic, comparison and conversion in one precision.
fn float(double: bool) -> Vec<Class> {
    let classes = vec![
        class(
            "VMLA, VMLS, VNMLA, VNMLS",
            &["111011100e0oNNNNDDDD101zfpg0MMMM"],
        )
        .weight(6),
        class(
            "VMUL, VNMUL, VADD, VSUB",
            &["111011100e1oNNNNDDDD101zfpg0MMMM"],
        )
        .weight(8),
        class("VDIV", &["111011101e00NNNNDDDD101zf0g0MMMM"]).weight(4),
        class(
            "VFMA, VFMS, VFNMA, VFNMS",
            &["111011101eooNNNNDDDD101zfpg0MMMM"],
        )
        .when(|f| matches!(f.get('o'), 1 | 2))
        .weight(8),
        class("VSEL", &["111111100eooNNNNDDDD101zf0g0MMMM"]).unconditional(),
        class("VMAXNM, VMINNM", &["111111101e00NNNNDDDD101zfpg0MMMM"])
            .unconditional()
            .weight(3),
        class(
            "VMOV, VABS, VNEG, VSQRT",
            &["111011101e11000oDDDD101zp1g0MMMM"],
        )
        .weight(4),
        class("VMOV immediate", &["111011101e11iiiiDDDD101z0000iiii"]),
        class("VCMP, VCMPE", &["111011101e110100DDDD101zp1g0MMMM"]).weight(3),
        class(
            "VCMP, VCMPE with zero",
            &["111011101e110101DDDD101zp1000000"],
        ),
        class("VRINTR, VRINTZ", &["111011101e110110DDDD101zp1g0MMMM"]).weight(2),
        class("VRINTX", &["111011101e110111DDDD101z01g0MMMM"]),
        class("VRINTA, N, P, M", &["111111101e1110ooDDDD101z01g0MMMM"])
            .unconditional()
            .weight(2),
        class("VCVTA, N, P, M", &["111111101e1111ooDDDD101zp1g0MMMM"])
            .unconditional()
            .weight(2),
        class(
            "VCVT, VCVTR to integer",
            &["111011101e11110jDDDD101zp1g0MMMM"],
        )
        .weight(3),
        class("VCVT from integer", &["111011101e111000DDDD101zp1g0MMMM"]).weight(2),
        class("VCVT fixed point", &["111011101e111j1kDDDD101zp1i0iiii"])
            .when(|f| f.get('p') == 1 || fraction_immediate(f) <= 16)
            .weight(4),
        class(
            "VCVTB, VCVTT from half",
            &["111011101e110010DDDD101zp1g0MMMM"],
        )
        .weight(2),
        class(
            "VCVTB, VCVTT to half",
            &["111011101e110011DDDD101zp1g0MMMM"],
        )
        .weight(3),
        class("VLDR, VSTR", &["11101101Ue0LbbbbDDDD101ziiiiiiii"]),
        class("VLDR literal", &["11101101Ue011111DDDD101ziiiiiiii"]),
        class("VLDM, VSTM", &["1110110PUeWLbbbbDDDD101ziiiiiiii"])
            .when(block_fits)
            .weight(2),
        class("VPUSH, VPOP", &["1110110PUe1L1101DDDD101ziiiiiiii"]).when(block_fits),
    ];
    if double {
        classes.into_iter().map(Class::double).collect()
    } else {
        classes
    }
}

/// imm4:i of a fixed-point conversion; the field has i first.
fn fraction_immediate(f: &Fields) -> u32 {
    let field = f.get('i');
    (field & 0xF) << 1 | field >> 4
}

/// A multiple transfer in one of the three addressing modes, of registers that exist.
fn block_fits(f: &Fields) -> bool {
    let (words, first) = (f.get('i'), f.get('D'));
    let fits = if f.get('z') == 1 {
        words.is_multiple_of(2) && first + words / 2 <= 16
    } else {
        (first << 1 | f.get('e')) + words <= 32
    };
    let writes_back = f.get('W') == 1 || f.0['W' as usize].is_none();
    let mode = match (f.get('P'), f.get('U')) {
        (0, 1) => true,
        (1, 0) => writes_back,
        _ => false,
    };
    fits && words != 0 && mode
}

/// Moves between register files, and conversions between precisions.
fn float_moves() -> Vec<Class> {
    vec![
        class(
            "VMOV core and single",
            &["11101110000LNNNNtttt1010f0010000"],
        ),
        class(
            "VMOV core and scalar",
            &["1110111000jLNNNNtttt101100010000"],
        )
        .double(),
        class(
            "VMOV core and two singles",
            &["11101100010Luuuutttt101000g1MMMM"],
        )
        .when(|f| f.differ("tu") && (f.get('M') < 15 || f.get('g') == 0)),
        class(
            "VMOV core and double",
            &["11101100010Luuuutttt10110001MMMM"],
        )
        .when(|f| f.differ("tu"))
        .double(),
        class("VMRS", &["1110111011110001tttt101000010000"]),
        class("VMRS APSR", &["11101110111100011111101000010000"]),
        class("VMSR", &["1110111011100001tttt101000010000"]),
        class(
            "VCVT single to double",
            &["1110111010110111DDDD101011g0MMMM"],
        )
        .double()
        .weight(2),
        class(
            "VCVT double to single",
            &["111011101e110111DDDD10111100MMMM"],
        )
        .weight(4)
        .double(),
    ]
}
