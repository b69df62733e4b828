//! Each instruction as the manual's appendix describes it, what GDB 13 and 18 compile, and bytes that nobody compiled.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Registers, and memory that ends.
#[derive(Default)]
struct Bench {
    registers: BTreeMap<u16, u64>,
    memory: BTreeMap<u32, u8>,
    reads: usize,
}

impl Core for Bench {
    fn register(&mut self, number: u16) -> Result<u64, Fault> {
        self.reads += 1;
        self.registers.get(&number).copied().ok_or_else(nothing)
    }

    fn memory(&mut self, address: Address, data: &mut [u8]) -> Result<(), Fault> {
        self.reads += 1;
        for (at, byte) in (address.0..).zip(data) {
            *byte = *self.memory.get(&at).ok_or_else(nothing)?;
        }
        Ok(())
    }
}

fn nothing() -> Fault {
    Fault {
        code: Code::XG010,
        headline: "nothing is there".to_owned(),
        causes: Vec::new(),
        remedy: String::new(),
    }
}

impl Bench {
    fn with(address: u32, bytes: &[u8]) -> Self {
        Self {
            memory: (address..).zip(bytes.iter().copied()).collect(),
            ..Self::default()
        }
    }

    fn value(&mut self, code: &[u8]) -> Result<Option<u64>, AgentError> {
        Expression::new(code.to_vec()).evaluate(self, &mut Vec::new())
    }

    fn printed(&mut self, code: &[u8]) -> Result<String, AgentError> {
        let mut printed = Vec::new();
        let value = Expression::new(code.to_vec()).evaluate(self, &mut printed)?;
        assert_eq!(value, None, "printing leaves no value");
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }
}

/// The value of `code` and `end`.
fn value(code: &[u8]) -> u64 {
    let code = [code, &[0x27]].concat();
    let value = Bench::default().value(&code);
    value.expect("a value").expect("a value")
}

/// `const64 VALUE`.
fn constant(value: i64) -> Vec<u8> {
    [&[0x25], value.to_be_bytes().as_slice()].concat()
}

/// The value of `a b OPCODE`.
fn of_two(a: i64, b: i64, opcode: u8) -> u64 {
    value(&[constant(a), constant(b), vec![opcode]].concat())
}

fn error(code: &[u8]) -> AgentError {
    Bench::default().value(code).expect_err("no value")
}

#[test]
fn arithmetic_is_of_64_bits_and_wraps() {
    assert_eq!(of_two(7, 5, 0x02), 12, "add");
    assert_eq!(of_two(-1, 1, 0x02), 0, "add");
    assert_eq!(of_two(5, 7, 0x03).cast_signed(), -2, "sub");
    assert_eq!(of_two(-3, 7, 0x04).cast_signed(), -21, "mul");
    assert_eq!(of_two(-7, 2, 0x05).cast_signed(), -3, "div_signed");
    assert_eq!(of_two(i64::MIN, -1, 0x05).cast_signed(), i64::MIN);
    assert_eq!(of_two(-2, 2, 0x06), 0x7fff_ffff_ffff_ffff, "div_unsigned");
    assert_eq!(of_two(-7, 2, 0x07).cast_signed(), -1, "rem_signed");
    assert_eq!(of_two(i64::MIN, -1, 0x07), 0);
    assert_eq!(
        of_two(-1, 10, 0x08),
        5,
        "rem_unsigned: 18446744073709551615 % 10"
    );
}

#[test]
fn nothing_is_divided_by_zero() {
    for opcode in 0x05..=0x08 {
        let code = [constant(1), constant(0), vec![opcode, 0x27]].concat();
        assert_eq!(error(&code), AgentError::Division);
    }
    assert_eq!(error(&[0x05, 0x27]), AgentError::Empty { at: 0 });
}

#[test]
fn shifts_fill_from_the_side_that_they_come_from() {
    assert_eq!(of_two(3, 4, 0x09), 0x30, "lsh");
    assert_eq!(of_two(-16, 2, 0x0a).cast_signed(), -4, "rsh_signed");
    assert_eq!(of_two(-16, 60, 0x0b), 0xf, "rsh_unsigned");
    for far in [64, 200, -1] {
        assert_eq!(of_two(-16, far, 0x09), 0);
        assert_eq!(of_two(-16, far, 0x0a).cast_signed(), -1);
        assert_eq!(of_two(16, far, 0x0a), 0);
        assert_eq!(of_two(-16, far, 0x0b), 0);
    }
}

#[test]
fn bits_and_comparisons() {
    assert_eq!(value(&[0x22, 0, 0x0e]), 1, "log_not");
    assert_eq!(value(&[0x22, 9, 0x0e]), 0);
    assert_eq!(of_two(0b1100, 0b1010, 0x0f), 0b1000, "bit_and");
    assert_eq!(of_two(0b1100, 0b1010, 0x10), 0b1110, "bit_or");
    assert_eq!(of_two(0b1100, 0b1010, 0x11), 0b0110, "bit_xor");
    assert_eq!(value(&[0x22, 0xf0, 0x12]), !0xf0, "bit_not");
    assert_eq!(of_two(4, 4, 0x13), 1, "equal");
    assert_eq!(of_two(4, 5, 0x13), 0);
    assert_eq!(of_two(-1, 0, 0x14), 1, "less_signed");
    assert_eq!(of_two(0, -1, 0x14), 0);
    assert_eq!(of_two(-1, 0, 0x15), 0, "less_unsigned");
    assert_eq!(of_two(0, -1, 0x15), 1);
    assert_eq!(of_two(4, 4, 0x15), 0);
}

#[test]
fn narrow_values_are_extended() {
    let extended =
        |opcode, value, bits| super::tests::value(&[constant(value), vec![opcode, bits]].concat());
    assert_eq!(extended(0x16, 0xff, 8).cast_signed(), -1, "ext");
    assert_eq!(extended(0x16, 0x17f, 8), 0x7f);
    assert_eq!(extended(0x16, 0x8000_0000, 32).cast_signed(), -0x8000_0000);
    assert_eq!(extended(0x2a, -1, 8), 0xff, "zero_ext");
    assert_eq!(extended(0x2a, -1, 32), 0xffff_ffff);
    for opcode in [0x16, 0x2a] {
        assert_eq!(extended(opcode, -5, 64).cast_signed(), -5);
        assert_eq!(extended(opcode, -5, 255).cast_signed(), -5);
        assert_eq!(extended(opcode, -5, 0), 0);
    }
    assert_eq!(extended(0x16, 1, 1).cast_signed(), -1);
}

#[test]
fn constants_are_big_endian_and_memory_little() {
    assert_eq!(value(&[0x22, 0x81]), 0x81, "const8");
    assert_eq!(value(&[0x23, 0x81, 0x02]), 0x8102, "const16");
    assert_eq!(value(&[0x24, 0x81, 2, 3, 4]), 0x8102_0304, "const32");
    let all = [0x25, 0x81, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(value(&all), 0x8102_0304_0506_0708, "const64");
    let mut bench = Bench::with(0x2000_0000, &[0x81, 2, 3, 4, 5, 6, 7, 8]);
    for (opcode, loaded) in [
        (0x17, 0x81),
        (0x18, 0x0281),
        (0x19, 0x0403_0281),
        (0x1a, 0x0807_0605_0403_0281),
    ] {
        let code = [0x24, 0x20, 0, 0, 0, opcode, 0x27];
        assert_eq!(bench.value(&code), Ok(Some(loaded)));
    }
    bench.registers.insert(0x0123, 77);
    assert_eq!(bench.value(&[0x26, 0x01, 0x23, 0x27]), Ok(Some(77)), "reg");
}

#[test]
fn the_stack_is_rearranged() {
    // The value under the top is read off by adding it ten times over.
    let both = [0x2b, 0x22, 10, 0x04, 0x02];
    let after = |code: &[u8]| value(&[&[0x22, 1, 0x22, 2, 0x22, 3], code].concat());
    assert_eq!(after(&[]), 3);
    assert_eq!(after(&[0x28, 0x02]), 6, "dup");
    assert_eq!(after(&[0x29]), 2, "pop");
    assert_eq!(after(&both), 23, "swap");
    assert_eq!(after(&[0x32, 0]), 3, "pick 0 is dup");
    assert_eq!(after(&[0x32, 2]), 1, "pick");
    // 1 2 3 becomes 3 1 2.
    assert_eq!(after(&[0x33]), 2, "rot");
    assert_eq!(after(&[0x33, 0x29]), 1);
    assert_eq!(after(&[0x33, 0x29, 0x29]), 3);
    for (code, at) in [
        (&[0x29, 0x27][..], 0),
        (&[0x22, 1, 0x02, 0x27], 2),
        (&[0x22, 1, 0x32, 1, 0x27], 2),
        (&[0x22, 1, 0x33, 0x27], 2),
        (&[0x20, 0, 0, 0x27], 0),
    ] {
        assert_eq!(error(code), AgentError::Empty { at }, "{code:02x?}");
    }
}

#[test]
fn jumps_lead_to_an_offset_of_the_expression() {
    let choose = |condition| {
        // if_goto 8; const8 1; end; const8 2; end
        value(&[0x22, condition, 0x20, 0, 8, 0x22, 1, 0x27, 0x22, 2])
    };
    assert_eq!(choose(0), 1);
    assert_eq!(choose(5), 2);
    assert_eq!(value(&[0x21, 0, 4, 0x27, 0x22, 6]), 6);
    for code in [
        &[][..],
        &[0x22],
        &[0x22, 1],
        &[0x21, 0],
        &[0x21, 0xff, 0xff],
        &[0x25, 1, 2, 3],
        &[0x34, 0, 0],
        &[0x34, 0, 0, 9, b'a'],
    ] {
        assert!(
            matches!(error(code), AgentError::Outside { .. }),
            "{code:02x?}"
        );
    }
}

#[test]
fn work_is_bounded() {
    assert_eq!(
        error(&[0x21, 0, 0]),
        AgentError::TooLong {
            limit: MOST_STEPS,
            what: "instructions"
        }
    );
    assert!(matches!(
        error(&[0x22, 1, 0x21, 0, 0]),
        AgentError::Full { .. }
    ));
    let mut bench = Bench::with(0, &[0]);
    let reading = [0x22, 0, 0x17, 0x29, 0x21, 0, 0];
    let told = bench.value(&reading).map_err(|error| error.to_string());
    assert_eq!(told, Err("it is not done after 512 reads".to_owned()));
    assert_eq!(bench.reads, MOST_READS);
}

#[test]
fn what_only_tracepoints_use_is_not_offered() {
    for opcode in [
        0x00, 0x01, 0x0c, 0x0d, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31,
        0x35, 0xff,
    ] {
        assert!(
            matches!(error(&[opcode, 0, 0, 0x27]), AgentError::NotOffered { opcode: told, .. } if told == opcode),
            "{opcode:#x}"
        );
    }
    assert_eq!(
        error(&[0x22, 1, 0x1b]).to_string(),
        "its bytecode has 0x1b (floating point) at offset 2, which is not evaluated here"
    );
}

#[test]
fn what_cannot_be_read_is_told_with_its_reason() {
    let code = [0x24, 0x70, 0, 0, 0, 0x19, 0x27];
    assert_eq!(
        error(&code).to_string(),
        "it reads what cannot be read: nothing is there"
    );
    assert!(matches!(
        error(&[0x26, 0, 99, 0x27]),
        AgentError::Unreadable { .. }
    ));
}

/// What GDB 13.1 and 18.1 send for `break toggle if lamp == 1`, a variable at sp + 0x28.
#[test]
fn a_condition_as_gdb_compiles_it() {
    let code = [
        0x26, 0, 0x0d, 0x22, 0x28, 0x02, 0x19, 0x22, 0x01, 0x2a, 0x20, 0x13, 0x27,
    ];
    let mut bench = Bench::with(0x2000_0028, &[1, 0, 0, 0]);
    bench.registers.insert(13, 0x2000_0000);
    assert_eq!(bench.value(&code), Ok(Some(1)));
    bench.memory.insert(0x2000_0028, 2);
    assert_eq!(bench.value(&code), Ok(Some(0)));
}

/// `printf` of `format` with `arguments`, as GDB compiles it: the last argument is pushed first, then channel and function.
fn printf(format: &str, arguments: &[i64]) -> Vec<u8> {
    let mut code: Vec<u8> = arguments.iter().rev().copied().flat_map(constant).collect();
    code.extend([0x22, 0, 0x22, 0, 0x34, arguments.len() as u8]);
    code.extend((format.len() as u16 + 1).to_be_bytes());
    code.extend(format.bytes());
    code.extend([0, 0x27]);
    code
}

fn print(format: &str, arguments: &[i64]) -> Result<String, AgentError> {
    Bench::default().printed(&printf(format, arguments))
}

#[test]
fn numbers_are_printed_as_c_prints_them() {
    for (format, argument, text) in [
        ("%d", -5, "-5"),
        ("%i", 0xffff_fffe, "-2"),
        ("%u", -1, "4294967295"),
        ("%ld", 0xffff_ffff, "-1"),
        ("%lu", -1, "4294967295"),
        ("%lld", -1, "-1"),
        ("%llu", -1, "18446744073709551615"),
        ("%llx", -1, "ffffffffffffffff"),
        ("%hd", 0x1_8000, "-32768"),
        ("%hhu", 0x1ff, "255"),
        ("%zu", -1, "4294967295"),
        ("%jd", -1, "-1"),
        ("%x", 0xbeef, "beef"),
        ("%X", 0xbeef, "BEEF"),
        ("%o", 8, "10"),
        ("%#x", 0xbeef, "0xbeef"),
        ("%#X", 0xbeef, "0XBEEF"),
        ("%#x", 0, "0"),
        ("%#o", 8, "010"),
        ("%#o", 0, "0"),
        ("%p", 0x2000_0000, "0x20000000"),
        ("%p", 0, "(nil)"),
        ("%c", 65, "A"),
        ("%5d|", 42, "   42|"),
        ("%-5d|", 42, "42   |"),
        ("%05d", -42, "-0042"),
        ("%+d", 42, "+42"),
        ("% d", 42, " 42"),
        ("%.3d", 7, "007"),
        ("%.0d", 0, ""),
        ("%05.2d", 7, "   07"),
        ("%#010x", 0xbeef, "0x0000beef"),
        ("%3c", 65, "  A"),
        ("%12p", 0x2000_0000, "  0x20000000"),
    ] {
        assert_eq!(print(format, &[argument]).as_deref(), Ok(text), "{format}");
    }
}

#[test]
fn arguments_come_in_order_and_escapes_are_undone() {
    assert_eq!(
        print(r#"%d%% of %u\t\"x\"\\\n"#, &[7, 8]).as_deref(),
        Ok("7% of 8\t\"x\"\\\n")
    );
    assert_eq!(
        print(r"\a\b\e\f\r\v", &[]).as_deref(),
        Ok("\x07\x08\x1b\x0c\r\x0b")
    );
}

#[test]
fn strings_are_read_from_memory_up_to_a_bound() {
    let mut bench = Bench::with(0x2000_0030, b"in the window\0not this");
    let address = 0x2000_0030;
    for at in 0x2000_0046..0x2000_0080 {
        bench.memory.insert(at, b'.');
    }
    let mut print = |format, argument| bench.printed(&printf(format, &[argument]));
    assert_eq!(print("<%s>", address).as_deref(), Ok("<in the window>"));
    assert_eq!(print("<%.6s>", address).as_deref(), Ok("<in the>"));
    assert_eq!(
        print("<%16s>", address).as_deref(),
        Ok("<   in the window>")
    );
    assert_eq!(
        print("<%-16s>", address).as_deref(),
        Ok("<in the window   >")
    );
    assert!(matches!(
        print("%s", 0x3000_0000),
        Err(AgentError::Unreadable { .. })
    ));
    let mut endless = Bench::with(0, &[b'x'; 2 * 1024]);
    let printed = endless.printed(&printf("%s", &[0])).expect("text");
    assert_eq!(printed.len(), 1024);
}

#[test]
fn formats_that_make_no_sense_are_errors() {
    for format in [
        "%",
        "%f",
        "%n",
        "%*d",
        "%ls",
        "%lc",
        "%lp",
        "%5",
        "%99999999d",
        "%.99999999d",
        "%q",
        "\\q",
        "\\",
        "%Lf",
    ] {
        assert!(
            matches!(print(format, &[1]), Err(AgentError::Format(_))),
            "{format}"
        );
    }
    assert_eq!(
        print("%d", &[]),
        Err(AgentError::Format("wants more arguments"))
    );
    assert_eq!(
        print("", &[1]),
        Err(AgentError::Format("wants fewer arguments"))
    );
    let unterminated = [0x22, 0, 0x22, 0, 0x34, 0, 0, 1, b'a', 0x27];
    assert_eq!(
        error(&unterminated),
        AgentError::Format("does not end in zero")
    );
    let wide = "%1000d".repeat(17);
    assert_eq!(
        print(&wide, &[1; 17]),
        Err(AgentError::Format("prints too much"))
    );
}

/// Opcodes that exist are likelier than others, so that more than the first byte is looked at.
fn bytecode() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => 0x00..=0x36_u8, 1 => any::<u8>()];
    prop::collection::vec(byte, 0..200)
}

proptest! {
    #[test]
    fn any_bytes_end(code in bytecode()) {
        let mut bench = Bench::with(0, &[1; 0x200]);
        bench.registers = (0..40).map(|number| (number, u64::from(number))).collect();
        let mut printed = Vec::new();
        let _ = Expression::new(code).evaluate(&mut bench, &mut printed);
        prop_assert!(bench.reads <= MOST_READS);
        prop_assert!(printed.len() <= 64 * 1024);
    }

    #[test]
    fn any_format_ends(format in "[%a-z0-9.#+ \\\\-]{0,40}", arguments in prop::collection::vec(any::<i64>(), 0..5)) {
        let mut bench = Bench::with(0, &[b'x'; 0x200]);
        let _ = bench.printed(&printf(&format, &arguments));
    }

    /// As Rust computes it.
    #[test]
    fn comparisons_are_total(a in any::<i64>(), b in any::<i64>()) {
        prop_assert_eq!(of_two(a, b, 0x14) == 1, a < b);
        prop_assert_eq!(of_two(a, b, 0x15) == 1, (a as u64) < b as u64);
        prop_assert_eq!(of_two(a, b, 0x13) == 1, a == b);
    }
}
