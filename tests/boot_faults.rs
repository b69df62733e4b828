//! A board that cannot reach its appli, in each of the ways there are: its own fault with cause and remedy, wherever a user looks.

mod support;

use support::{
    board::{Board, boot_image, nor_image, text},
    debugger::Debugger,
    firmware,
    gdb::Gdb,
    golden::assert_golden,
    server::{Server, binary, ran},
    tiny_boot,
};
use virtual_board::board::ProductState;

const APPLI: &str = "appli.elf";
/// FLASH_NVSR and a product state that is neither open nor closes the debug port.
const PRODUCT_STATE: (u32, u32) = (0x200, 0x39);

/// FLASH_OBW1SR as delivered but for IWDG_HW, which is 0: the watchdog starts at reset.
const HARDWARE_WATCHDOG: (u32, u32) = (0x260, 0x0006_00C0);

/// What a user must be told: the code, words of the cause, words of the remedy.
struct Told {
    code: &'static str,
    cause: &'static str,
    remedy: &'static str,
}

impl Told {
    /// All of it is in `said`.
    #[track_caller]
    fn is_in(&self, said: &str, who: &str) {
        for words in [self.code, self.cause, self.remedy] {
            assert!(said.contains(words), "{who} lacks `{words}`:\n{said}");
        }
    }

    /// Asks everybody: `boot arm`, `monitor reset halt`, `monitor boot status`, `monitor why`, the stop at the resume, the server's
    /// stderr; and keeps what MI showed as a golden.
    #[track_caller]
    fn by_everybody(&self, board: &Board, options: &[&str], golden: &str) {
        self.is_in(
            &board.fails(&[&["boot", "arm"], options].concat()),
            "boot arm",
        );
        for debugger in Debugger::ALL {
            let server = board.serve(options);
            self.by_gdb(debugger, &server, golden);
            assert!(server.stop().success());
        }
    }

    /// What an old GDB and a recent one show is the same.
    #[track_caller]
    fn by_gdb(&self, debugger: Debugger, server: &Server, golden: &str) {
        let mut gdb = Gdb::connect_as(debugger, Some(&firmware(APPLI)), server.port);
        self.is_in(&gdb.monitor("reset halt"), "monitor reset halt");
        self.is_in(&gdb.monitor("boot status"), "monitor boot status");
        self.is_in(&gdb.monitor("why"), "monitor why");
        let stop = gdb.stopped("-exec-continue");
        self.is_in(&stop.text, "the stop at the resume");
        assert_eq!(stop.signal(), "SIGTRAP", "{}", stop.record);
        assert_golden(
            &format!("mi/{golden}.mi"),
            &without_the_turn(&gdb.transcript()),
        );
        self.is_in(&server.logged(self.code), "the server's stderr");
    }
}

/// Where a loop of a few instructions was found is a matter of chance: its addresses in `boot-hang.elf` lose their last digit.
fn without_the_turn(transcript: &str) -> String {
    let mut result = transcript.to_owned();
    for digit in b'0'..=b'f' {
        let digit = char::from(digit);
        for place in ["0x0800055", "regulator_that_is_off+0x1"] {
            result = result.replace(&format!("{place}{digit}"), &format!("{place}x"));
        }
    }
    result
}

/// Options that name the appli, as a path from the repository so that goldens hold no other.
fn appli(name: &str) -> [String; 2] {
    ["--appli".to_owned(), text(&firmware(name))]
}

fn borrowed(options: &[String]) -> Vec<&str> {
    options.iter().map(String::as_str).collect()
}

#[test]
fn a_blank_board() {
    let board = Board::blank();
    let told = Told {
        code: "XG020",
        cause: "no boot stage: internal flash at 0x08000000 is blank",
        remedy: "xspi-gdb boot install FILE",
    };
    told.by_everybody(&board, &borrowed(&appli(APPLI)), "boot-blank");
    let status = board.succeeds(&["boot", "status"]);
    assert!(status.contains("0x08000000 is blank"), "{status}");
    assert_eq!(board.chip().internal_flash_wear(), Default::default());
}

#[test]
fn a_blank_nor() {
    let board = Board::booted();
    let told = Told {
        code: "XG024",
        cause: "0x70000000 is blank",
        remedy: "programs the appli",
    };
    told.by_everybody(&board, &borrowed(&appli(APPLI)), "boot-blank-nor");
}

/// ST's own boot stages do not look at what they start: they fault in a blank NOR.
#[test]
fn a_boot_stage_that_starts_a_blank_nor() {
    let board = Board::made(|builder| builder.boot_image(tiny_boot::starts_whatever_is_there()));
    let told = Told {
        code: "XG024",
        cause: "0x70000000 is blank",
        remedy: "programs the appli",
    };
    told.by_everybody(&board, &borrowed(&appli(APPLI)), "boot-starts-blank-nor");
}

#[test]
fn a_boot_stage_that_hangs() {
    let board = Board::with(Some("boot-hang.elf"), Some(APPLI));
    let told = Told {
        code: "XG023",
        cause: "waiting for PWR_CSR1 (0x58024808)",
        remedy: "monitor reset boot",
    };
    let mut options = appli(APPLI).to_vec();
    options.extend(["--boot".to_owned(), text(&firmware("boot-hang.elf"))]);
    told.by_everybody(&board, &borrowed(&options), "boot-hangs");
}

/// The function in which it hangs or faults is named where its file is.
#[test]
fn a_boot_stage_of_ours_is_named_by_function() {
    for (boot, function) in [
        ("boot-hang.elf", "wait_for_a_regulator_that_is_off"),
        ("boot-fault.elf", "read_past_the_end_of_axi_sram"),
    ] {
        let board = Board::with(Some(boot), Some(APPLI));
        let file = text(&firmware(boot));
        let named = board.fails(&["boot", "arm", "--boot", &file]);
        assert!(named.contains(function), "{named}");
        let nameless = board.fails(&["boot", "arm"]);
        assert!(!nameless.contains(function), "{nameless}");
    }
}

#[test]
fn a_boot_stage_that_faults() {
    let board = Board::with(Some("boot-fault.elf"), Some(APPLI));
    let told = Told {
        code: "XG022",
        cause: "bus address 0x24080000",
        remedy: "monitor reset boot",
    };
    told.by_everybody(&board, &borrowed(&appli(APPLI)), "boot-faults");
}

/// A boot stage that maps the window for octal DTR while the NOR speaks SPI, as after power-on.
#[test]
fn a_nor_in_the_wrong_mode() {
    let board = Board::made(|builder| {
        builder
            .boot_image(tiny_boot::octal_window_onto_a_nor_in_spi())
            .nor_image(nor_image(APPLI))
    });
    let told = Told {
        code: "XG027",
        cause: "0x70000000",
        remedy: "power-cycle",
    };
    told.by_everybody(&board, &borrowed(&appli(APPLI)), "boot-nor-mode");
}

/// The same board, where nobody arms it: the window is open by its registers, and a read of it stalls the bus. It is aborted, the chip
/// is reset, and the session goes on.
#[test]
fn a_window_that_stalls_the_bus() {
    let board = Board::made(|builder| {
        builder
            .boot_image(tiny_boot::octal_window_onto_a_nor_in_spi())
            .nor_image(nor_image(APPLI))
    });
    let told = Told {
        code: "XG013",
        cause: "at 0x70000000 never came, the chip was reset",
        remedy: "power-cycle the board",
    };
    let status = board.succeeds(&["window", "status"]);
    assert!(status.contains("nor at 0x70000000: open"), "{status}");
    let read = board.fails(&["window", "read", "0x70000000", "16"]);
    told.is_in(&read, "window read");

    for debugger in Debugger::ALL {
        let server = board.serve(&[]);
        let mut gdb = Gdb::connect_as(debugger, Some(&firmware(APPLI)), server.port);
        let window = gdb.monitor("window");
        assert!(window.contains("nor at 0x70000000: open"), "{window}");
        gdb.fails("-data-read-memory-bytes 0x70000000 16");
        told.is_in(&gdb.monitor("why"), "monitor why");
        gdb.flush_registers();
        gdb.ok("-data-read-memory-bytes 0x08000000 16");
        let window = gdb.monitor("window");
        assert!(window.contains("nor at 0x70000000: closed"), "{window}");
        assert_golden("mi/window-stalled.mi", &gdb.transcript());
        told.is_in(&server.logged(told.code), "the server's stderr");
        assert!(server.stop().success());
    }
}

/// A board that sleeps without the bits of DBGMCU_CR: who attaches sets them where they can be reached, and debugs it.
#[test]
fn a_board_that_sleeps_is_reached() {
    let board = Board::made(|builder| builder.boot_image(tiny_boot::sleeps()));
    let server = board.serve(&[]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    assert_eq!(gdb.pc(), 0x0800_0014, "behind WFI");
    gdb.ok("-data-read-memory-bytes 0x24000000 16");
    drop(gdb);
    assert!(server.stop().success());
}

/// Who leaves such a board puts its low-power bits back when nothing more is asked of it: it was looked at, and sleeps on.
#[test]
fn a_board_that_sleeps_is_left_asleep() {
    let board = Board::made(|builder| builder.boot_image(tiny_boot::sleeps()));
    board.succeeds(&["window", "status"]);
    board.succeeds(&["window", "read", "0x24000000", "16"]);
    let server = board.serve(&[]);
    Gdb::connect(None, server.port).ok("-exec-continue");
    assert!(server.stop().success());
}

/// The BOOT0 switch starts ST's bootloader in system memory.
#[test]
fn a_boot_pin_that_is_set() {
    let board = Board::made(|builder| {
        builder
            .boot_image(boot_image("boot.elf"))
            .nor_image(nor_image(APPLI))
            .boot_pin(true)
    });
    let told = Told {
        code: "XG021",
        cause: "BOOT0 is set, the core is in system memory at 0x1ff",
        remedy: "set BOOT0 to 0",
    };
    told.by_everybody(&board, &borrowed(&appli(APPLI)), "boot-pin");
    let status = board.succeeds(&["boot", "status"]);
    assert!(status.contains("BOOT0 is set"), "{status}");
}

/// A boot stage that starts the watchdog and does not feed it.
#[test]
fn a_watchdog_reset_loop() {
    let board = Board::made(|builder| {
        builder
            .boot_image(tiny_boot::starts_a_watchdog())
            .nor_image(nor_image(APPLI))
    });
    let told = Told {
        code: "XG026",
        cause: "the chip was reset 3 times by its independent watchdog",
        remedy: "stop the watchdog in the boot stage or feed it there",
    };
    told.by_everybody(&board, &borrowed(&appli(APPLI)), "boot-watchdog-loop");
}

/// A watchdog that the option bytes start: our boot stage arrives in time, a slow one does not.
#[test]
fn a_hardware_watchdog_and_a_slow_boot_stage() {
    let (register, hardware) = HARDWARE_WATCHDOG;
    let quick = Board::made(|builder| {
        builder
            .boot_image(boot_image("boot.elf"))
            .nor_image(nor_image(APPLI))
            .option_word(register, hardware)
    });
    quick.succeeds(&["boot", "arm", "--appli", &text(&firmware(APPLI))]);
    let slow = Board::made(|builder| {
        builder
            .boot_image(boot_image("boot-hang.elf"))
            .nor_image(nor_image(APPLI))
            .option_word(register, hardware)
    });
    let failed = slow.fails(&["boot", "arm", "--appli", &text(&firmware(APPLI))]);
    assert!(failed.contains("XG026"), "{failed}");
    assert!(failed.contains("IWDG_HW"), "{failed}");
}

/// Our own loader works through its queue in one call, longer than the longest period of the watchdog: it is fed meanwhile.
#[test]
fn a_hardware_watchdog_while_a_large_image_is_flashed() {
    const BYTES: usize = 0x78_0000;
    let (register, hardware) = HARDWARE_WATCHDOG;
    let board = Board::made(|builder| {
        builder
            .boot_image(boot_image("boot.elf"))
            .nor_image(vec![0x55; BYTES])
            .option_word(register, hardware)
    });
    let file = board.file("large.bin");
    std::fs::write(&file, vec![0x33; BYTES]).expect("a file");
    let flashed = board.succeeds(&["flash", &format!("{}@0x70000000", text(&file))]);
    assert!(flashed.contains("120 sectors changed"), "{flashed}");
    assert!(board.nor(BYTES).iter().all(|byte| *byte == 0x33));
}

/// The watchdog counts while ST's routine erases and programs: the server makes it slow and feeds it.
#[test]
fn a_hardware_watchdog_while_the_appli_is_flashed() {
    let (register, hardware) = HARDWARE_WATCHDOG;
    let board = Board::made(|builder| {
        builder
            .boot_image(boot_image("boot.elf"))
            .nor_image(nor_image("appli-older.elf"))
            .option_word(register, hardware)
    });
    board.succeeds(&["flash", &text(&firmware(APPLI))]);
    let appli = nor_image(APPLI);
    assert!(
        board.nor(appli.len()) == appli,
        "the NOR holds something else"
    );
}

#[test]
fn vectors_at_an_offset_that_the_boot_stage_does_not_look_at() {
    let board = Board::with(Some("boot.elf"), Some("appli-offset.elf"));
    let told = Told {
        code: "XG055",
        cause: "the vectors of appli-offset.elf are at 0x70020000",
        remedy: "link the appli's vectors to where the boot stage jumps",
    };
    told.by_everybody(&board, &borrowed(&appli("appli-offset.elf")), "boot-offset");
}

/// The same appli with a boot stage that jumps there.
#[test]
fn vectors_at_an_offset_that_the_boot_stage_jumps_to() {
    let board = Board::with(Some("boot-other-slot.elf"), Some("appli-offset.elf"));
    let armed = board.succeeds(&[
        "boot",
        "arm",
        "--appli",
        &text(&firmware("appli-offset.elf")),
    ]);
    assert!(armed.contains("0x700202b"), "{armed}");
    let server = board.serve_appli("appli-offset.elf");
    let mut gdb = Gdb::connect(Some(&firmware("appli-offset.elf")), server.port);
    gdb.monitor("reset halt");
    gdb.flush_registers();
    assert_eq!(gdb.pc(), gdb.number("&Reset") & !1);
    assert_eq!(gdb.run_to("main").address() >> 16, 0x7002);
}

#[test]
fn another_slot_is_started() {
    let board = Board::with(Some("boot-other-slot.elf"), Some("appli-offset.elf"));
    let told = Told {
        code: "XG025",
        cause: "VTOR is 0x70020000, the vectors of appli.elf are at 0x70000000",
        remedy: "give the `--appli` that the boot stage starts",
    };
    told.by_everybody(&board, &borrowed(&appli(APPLI)), "boot-other-slot");
}

/// An appli that is linked into internal flash cannot execute in place.
#[test]
fn an_appli_linked_elsewhere() {
    let board = Board::booted();
    let told = Told {
        code: "XG056",
        cause: "boot.elf is linked at 0x08000000, which is in no NOR window of the board",
        remedy: "link it to the window's base",
    };
    told.by_everybody(
        &board,
        &borrowed(&appli("boot.elf")),
        "boot-linked-elsewhere",
    );
}

/// A product state that lets the debugger in and keeps it from flash and windows.
#[test]
fn a_product_state_that_is_not_open() {
    let (register, state) = PRODUCT_STATE;
    let board = Board::made(|builder| {
        builder
            .boot_image(boot_image("boot.elf"))
            .option_word(register, state)
    });
    let told = Told {
        code: "XG028",
        cause: "its product state is not OPEN (FLASH_NVSR.NVSTATE is 0x39)",
        remedy: "only a chip in product state OPEN can be debugged",
    };
    told.by_everybody(&board, &borrowed(&appli(APPLI)), "boot-product-state");
}

/// A locked chip lets nobody in: every command says so, and the server exits before it says that it is ready.
#[test]
fn a_locked_chip() {
    let board = Board::made(|builder| {
        builder
            .boot_image(boot_image("boot.elf"))
            .product_state(ProductState::Closed)
    });
    let told = Told {
        code: "XG004",
        cause: "access",
        remedy: "only a chip in product state OPEN can be debugged",
    };
    for command in [
        &["boot", "status"][..],
        &["boot", "arm"],
        &["window", "status"],
        &["serve", "--port", "0"],
    ] {
        let ran = board.run(command);
        assert_eq!(ran.status.code(), Some(3), "{command:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{command:?}");
        told.is_in(&ran.stderr, &command.join(" "));
    }
}

/// A board whose boot stage is not the one that was named: said, and no reason to stop.
#[test]
fn another_boot_stage_than_the_named_one() {
    let board = Board::with_appli(APPLI);
    let (ours, other) = (
        text(&firmware("boot.elf")),
        text(&firmware("boot-other-slot.elf")),
    );
    let equal = board.succeeds(&["boot", "status", "--boot", &ours]);
    assert!(equal.contains("equal to boot.elf"), "{equal}");
    let unequal = board.succeeds(&["boot", "status", "--boot", &other]);
    assert!(
        unequal.contains("differs from boot-other-slot.elf"),
        "{unequal}"
    );
    let server = board.serve(&["--boot", &other]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    let reset = gdb.monitor("reset halt");
    assert!(
        reset.contains("halted at the appli's first instruction"),
        "{reset}"
    );
    assert!(
        reset.contains("is not boot-other-slot.elf"),
        "a notice: {reset}"
    );
    drop(gdb);
    assert!(server.stop().success());
    assert_eq!(board.internal_flash(4096), boot_image("boot.elf")[..4096]);
}

/// Programs that read the server's events get the same fault.
#[test]
fn events_say_it_too() {
    let board = Board::blank();
    let mut server = board.serve(&["--json"]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset halt");
    let boot = server.event("boot");
    assert_eq!(boot["armed"], false, "{boot}");
    assert!(
        boot["text"].to_string().contains("XG020"),
        "what the console said: {boot}"
    );
    gdb.stopped("-exec-continue");
    let stop = server.event("stop");
    assert!(stop["reason"].to_string().contains("XG020"), "{stop}");
}

/// Every code has a page: what it means and what to do.
#[test]
fn explain_knows_each_of_them() {
    for code in [
        "XG004", "XG013", "XG020", "XG021", "XG022", "XG023", "XG024", "XG025", "XG026", "XG027",
        "XG028", "XG055", "XG056",
    ] {
        let mut command = binary();
        command.args(["explain", code]);
        let explained = ran(command);
        assert!(explained.status.success(), "{}", explained.stderr);
        assert!(explained.stdout.contains(code), "{}", explained.stdout);
    }
}
