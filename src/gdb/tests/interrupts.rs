//! Ctrl-C: while the core runs, and where it crosses a stop.

use super::*;

/// GDB continues from a breakpoint by a step and a `vCont;c`: Ctrl-C between the two is not lost, and stops once.
#[test]
fn an_interrupt_behind_a_step_is_for_what_follows() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    bench
        .link
        .fake()
        .path
        .extend([0x2000_0102_u32, 0x2000_0104]);
    gdb.ask("?");
    assert!(gdb.ask("vCont;s:1").starts_with("T05"));
    gdb.raw(b"\x03");
    let reply = gdb.ask("vCont;c");
    assert!(reply.starts_with("T02thread:01;"), "{reply}");
    gdb.send("vCont;c");
    bench.until_running();
    gdb.raw(b"\x03");
    assert!(gdb.receive().starts_with("T02"));
    // The user steps again: what came before is over.
    assert!(gdb.ask("vCont;s:1").starts_with("T05"));
    gdb.raw(b"\x03");
    bench.link.fake().path.extend([0x2000_0106_u32]);
    assert!(gdb.ask("vCont;s:1").starts_with("T05"));
    gdb.send("vCont;c");
    bench.until_running();
}

#[test]
fn a_breakpoint_an_interrupt_and_a_stray_interrupt() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    gdb.ask("qSupported:hwbreak+");
    gdb.ask("?");
    // Nothing runs: the interrupt has crossed a stop and is ignored.
    gdb.raw(b"\x03");
    assert_eq!(gdb.ask("Z1,20000100,2"), "OK");
    gdb.send("vCont;c");
    bench.until_running();
    gdb.raw(b"\x03");
    let reply = gdb.receive();
    assert!(reply.starts_with("T02thread:01;"), "{reply}");
    gdb.send("c");
    bench.until_running();
    // A BKPT of the program is a plain trap: GDB resumes from a `hwbreak` where it has no breakpoint.
    bench.link.fake().stop(HaltReason {
        breakpoint: true,
        ..HaltReason::default()
    });
    let reply = gdb.receive();
    assert!(
        reply.starts_with("T05thread:01;") && !reply.contains("hwbreak"),
        "{reply}"
    );
    gdb.send("c");
    bench.until_running();
    bench.link.fake().registers.insert(15, 0x2000_0100);
    bench.link.fake().stop(HaltReason {
        breakpoint: true,
        ..HaltReason::default()
    });
    let reply = gdb.receive();
    assert!(reply.starts_with("T05thread:01;hwbreak:;"), "{reply}");
    assert_eq!(gdb.ask("z1,20000100,2"), "OK");
}
