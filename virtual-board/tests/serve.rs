//! `virtual-board serve` with the Black Magic probe of the probe-rs library on it, and by hand.

#[path = "common/served.rs"]
mod served;

use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use probe_rs::{
    MemoryInterface, Permissions, RegisterId, Session,
    probe::{DebugProbeSelector, WireProtocol, list::Lister},
};
use served::Served;

const RAM: u64 = 0x2400_0000;
const PATIENCE: Duration = Duration::from_millis(500);
const PC: RegisterId = RegisterId(15);
const XPSR: RegisterId = RegisterId(16);

/// `movs r0, #0; loop: adds r0, #1; b loop`
const COUNTER: [u16; 3] = [0x2000, 0x3001, 0xE7FD];

fn selector(address: SocketAddr) -> DebugProbeSelector {
    format!("1d50:6018:{address}").parse().unwrap()
}

fn attach(address: SocketAddr) -> Session {
    let mut probe = Lister::new().open(selector(address)).unwrap();
    probe.select_protocol(WireProtocol::Swd).unwrap();
    probe.attach("STM32H7S7L8", Permissions::default()).unwrap()
}

/// A path for a file that is not there yet.
fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path
}

/// One request of a client that knows what it does, or does not.
fn ask(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while answer.last() != Some(&b'#') {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn the_librarys_black_magic_probe_debugs_the_board() {
    let board = Served::start(&[]);
    let mut session = attach(board.address);
    let mut core = session.core(0).unwrap();
    core.reset_and_halt(PATIENCE).unwrap();
    assert_eq!(core.read_word_32(0xE000_ED00).unwrap(), 0x411F_C272);
    let words: Vec<u32> = (0..2_000u32)
        .map(|index| index.wrapping_mul(0x0101_0203))
        .collect();
    core.write_32(RAM + 0x1000, &words).unwrap();
    let mut read = vec![0; words.len()];
    core.read_32(RAM + 0x1000, &mut read).unwrap();
    assert!(read == words);

    core.write_16(RAM, &COUNTER).unwrap();
    core.write_core_reg(PC, RAM as u32).unwrap();
    core.write_core_reg(XPSR, 0x0100_0000u32).unwrap();
    for expected in [2, 4, 2] {
        assert_eq!(core.step().unwrap().pc, RAM + expected);
    }
    core.set_hw_breakpoint(RAM + 4).unwrap();
    core.run().unwrap();
    core.wait_for_core_halted(PATIENCE).unwrap();
    assert_eq!(core.read_core_reg::<u32>(PC).unwrap(), RAM as u32 + 4);
    core.clear_hw_breakpoint(RAM + 4).unwrap();
    core.run().unwrap();
    // The board runs by the wall clock, at least at a thousandth of its speed.
    std::thread::sleep(Duration::from_millis(50));
    core.halt(PATIENCE).unwrap();
    assert!(core.read_core_reg::<u32>(RegisterId(0)).unwrap() > 100);

    let error = core.read_word_32(0x7000_0000).unwrap_err();
    assert!(
        format!("{error:?}").contains("FaultResponse"),
        "a closed window: {error:?}"
    );
    assert_eq!(core.read_word_32(0xE000_ED00).unwrap(), 0x411F_C272);
}

#[test]
fn one_debugger_at_a_time_and_the_next_one_after_it() {
    let mut board = Served::start(&[]);
    let first = attach(board.address);
    let path = scratch("client.log");
    let log = Arc::new(File::create(&path).unwrap());
    let subscriber = tracing_subscriber::fmt().with_writer(log).finish();
    tracing::subscriber::with_default(subscriber, || {
        assert!(Lister::new().open(selector(board.address)).is_err());
    });
    let log = std::fs::read_to_string(path).unwrap();
    assert!(
        log.contains("Unable to receive command: Error(16)"),
        "{log}"
    );
    drop(first);
    drop(attach(board.address));
    assert_eq!(board.command("leds"), "off off off off");
}

#[test]
fn a_second_client_is_told_why_and_nothing_in_a_pipe_moves_a_cursor() {
    let path = scratch("served.log");
    let log = File::create(&path).unwrap();
    let mut board = Served::start_logging(&[], Stdio::from(log));
    let mut first = TcpStream::connect(board.address).unwrap();
    assert_eq!(ask(&mut first, b"!HC#"), "&K4#");
    let mut second = TcpStream::connect(board.address).unwrap();
    second.write_all(b"!GA#").unwrap();
    let mut answer = String::new();
    second.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "another debugger is connected\n&E10#");

    let mut said = vec![board.command("status")];
    said.extend((0..7).map(|_| board.next_line()));
    let client = first.local_addr().unwrap();
    assert_eq!(said[6], format!("debugger Black Magic client {client}"));
    assert!(board.quit());
    let log = std::fs::read_to_string(path).unwrap();
    assert!(
        log.contains("refused: another debugger is connected"),
        "{log}"
    );
    let said = said.concat() + &log;
    assert!(!said.contains('\x1B'), "{said:?}");
}

#[test]
fn nonsense_ends_neither_the_conversation_nor_the_board() {
    let board = Served::start(&[]);
    let mut stream = TcpStream::connect(board.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    assert_eq!(ask(&mut stream, b"\0\xFF+#!So\xFF\xFE#"), "&E1#");
    assert_eq!(ask(&mut stream, b"!So99ff#"), "&E2#");
    let long = [b"!".as_slice(), &[b'A'; 100_000], b"#"].concat();
    assert_eq!(ask(&mut stream, &long), "&E2#");
    assert_eq!(ask(&mut stream, b"!HC#"), "&K4#");
    stream.write_all(b"!So20").unwrap();
    drop(stream);
    drop(attach(board.address));
}

#[test]
fn the_hand_beside_the_board_has_its_commands() {
    let kept = scratch("kept.state");
    let boot = scratch("boot.bin");
    // Vectors, then `b .`.
    let image = [
        0x2400_8000u32.to_le_bytes(),
        0x0800_0009u32.to_le_bytes(),
        0xE7FE_E7FEu32.to_le_bytes(),
    ];
    std::fs::write(&boot, image.concat()).unwrap();
    let mut board = Served::start(&["--boot", boot.to_str().unwrap()]);
    assert!(board.command("status").starts_with("time "));
    let core: Vec<String> = (0..7).map(|_| board.next_line()).collect();
    assert_eq!(core[0], "core     Running, pc 0x08000008");
    assert_eq!(core[4], "nor      MX66UW1G45G, SPI, ready");
    assert_eq!(core[5], "debugger none");
    assert_eq!(core[6], "uart");

    let save = format!("save {}", kept.display());
    assert_eq!(board.command(&save), format!("saved in {}", kept.display()));
    assert_eq!(
        board.command("boot0 high"),
        "BOOT0 is high from the next reset on"
    );
    assert_eq!(board.command("reset"), "reset");
    assert!(board.command("status").starts_with("time "));
    let core: Vec<String> = (0..7).map(|_| board.next_line()).collect();
    assert!(!core[0].contains("0x0800"), "{core:?}");
    assert_eq!(
        board.command("boot0 low"),
        "BOOT0 is low from the next reset on"
    );
    assert_eq!(board.command("power-cycle"), "power off and on");
    assert_eq!(board.command("button user press"), "user is pressed");
    assert_eq!(board.command("button USER release"), "USER is released");
    assert_eq!(
        board.command("button USER"),
        "usage: button NAME press|release"
    );
    assert_eq!(
        board.command("button B7 press"),
        "error: no button B7; this board has USER"
    );
    // In analog mode, as after reset.
    assert_eq!(board.command("pin PC13 high"), "PC13 reads low");
    assert_eq!(
        board.command("pin PJ1 high"),
        "error: PJ1 is no pin: PA0 to PH15, PM0 to PP15"
    );
    assert_eq!(board.command("uart"), "nothing was sent");
    assert_eq!(board.command("boot0 up"), "usage: boot0 high|low");
    assert_eq!(
        board.command("mishap flip 0x70000010.3 now"),
        "flip 0x70000010.3 now"
    );
    assert_eq!(
        board.command("mishap power-cut nor tomorrow"),
        "error: `power-cut nor tomorrow` is no mishap: `tomorrow` is not understood; see `mishap help`"
    );
    assert_eq!(board.command("mishap clear"), "nothing more goes wrong");
    assert_eq!(board.command("plug"), "the probe is plugged in");
    assert_eq!(board.command("reset now"), "usage: reset");
    let missing = scratch("missing.state");
    let load = format!("load {}", missing.display());
    assert!(
        board
            .command(&load)
            .starts_with("error: there is no state file")
    );
    assert_eq!(board.command("dance"), "unknown command: dance");
    assert!(
        board
            .next_line()
            .starts_with("reset                     press the reset button")
    );
    assert!(board.quit());

    let mut blank = Served::start(&[]);
    let load = format!("load {}", kept.display());
    assert_eq!(
        blank.command(&load),
        format!("loaded from {}", kept.display())
    );
    assert!(blank.command("status").starts_with("time "));
    assert_eq!(blank.next_line(), "core     Running, pc 0x08000008");
}

#[test]
fn sigterm_saves_the_state_also_under_a_debugger() {
    let state = scratch("sigterm.state");
    let mut board = Served::start(&["--state", state.to_str().unwrap()]);
    let mut stream = TcpStream::connect(board.address).unwrap();
    assert_eq!(ask(&mut stream, b"!HC#"), "&K4#");
    let killed = Command::new("kill").arg(board.id().to_string()).status();
    assert!(killed.unwrap().success());
    assert!(board.ends_well());
    assert!(state.exists());
}

#[test]
fn a_state_file_that_is_served_is_refused_to_others() {
    let state = scratch("served.state");
    let path = state.to_str().unwrap();
    let mut board = Served::start(&["--state", path]);
    for command in [&["run", "--for", "1"][..], &["serve", "--bmp", "0"]] {
        let refused = Command::new(env!("CARGO_BIN_EXE_virtual-board"))
            .args(command)
            .args(["--state", path])
            .output()
            .unwrap();
        assert!(!refused.status.success());
        let said = String::from_utf8(refused.stderr).unwrap();
        let in_use = format!("error: state file {path} is in use by another virtual board");
        assert!(said.starts_with(&in_use), "{said}");
    }
    assert!(board.quit());
    let ran = Command::new(env!("CARGO_BIN_EXE_virtual-board"))
        .args(["run", "--for", "1", "--state", path])
        .output()
        .unwrap();
    assert!(ran.status.success());
}

/// A packet of a CMSIS-DAP client, and the payload of the response.
fn packet(stream: &mut TcpStream, payload: &[u8]) -> Vec<u8> {
    let header = [
        &b"DAP\0"[..],
        &(payload.len() as u16).to_le_bytes(),
        &[1, 0][..],
    ];
    stream
        .write_all(&[&header.concat(), payload].concat())
        .unwrap();
    let mut header = [0; 8];
    stream.read_exact(&mut header).unwrap();
    assert_eq!((&header[..4], header[6]), (&b"DAP\0"[..], 2));
    let mut response = vec![0; u16::from_le_bytes([header[4], header[5]]).into()];
    stream.read_exact(&mut response).unwrap();
    response
}

#[test]
fn cmsis_dap_packets_are_exchanges_and_nonsense_ends_at_most_its_connection() {
    let mut board = Served::start_for_cmsis_dap(&["--clock", "lockstep"]);
    let mut first = TcpStream::connect(board.address).unwrap();
    assert_eq!(packet(&mut first, &[0x00, 0xFF]), [0x00, 2, 0x00, 0x02]);
    for nonsense in [&[][..], &[0xAA], &[0x05, 0, 9], &[0; 600], &[0xFF; 513]] {
        assert_eq!(packet(&mut first, nonsense), [0xFF]);
    }
    assert_eq!(packet(&mut first, &[0x02, 1]), [0x02, 1]);
    let mut second = TcpStream::connect(board.address).unwrap();
    let mut refusal = Vec::new();
    second.read_to_end(&mut refusal).unwrap();
    assert_eq!(refusal, b"DAP\0\x01\0\x02\0\xFF");
    let counted = board.command("statistics");
    assert!(
        counted.starts_with("{\"exchanges\":5,\"transfers\":0,"),
        "{counted}"
    );

    first.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let mut rest = Vec::new();
    // It hangs up, or resets the connection over what it did not read.
    let _ = first.read_to_end(&mut rest);
    assert!(rest.is_empty());
    let mut third = TcpStream::connect(board.address).unwrap();
    assert_eq!(packet(&mut third, &[0x0A]), [0x0A, 0, 0]);
    assert!(board.quit());
}

/// Moves the pins through clocks of TMS and TDI, by remote_bitbang.
fn clock(stream: &mut TcpStream, bits: &[(u8, u8)]) {
    let characters: Vec<u8> = bits
        .iter()
        .flat_map(|(mode, data)| {
            let low = b'0' + 2 * mode + data;
            [low, low + 4]
        })
        .collect();
    stream.write_all(&characters).unwrap();
}

/// After a reset of the TAPs the first 32 bits of a data scan are the debug port's IDCODE, as OpenOCD finds the chip.
#[test]
fn the_pins_are_moved_by_remote_bitbang() {
    let mut board = Served::start_for_openocd(&[]);
    let mut stream = TcpStream::connect(board.address).unwrap();
    // nTRST and nRST low and up again, then Test-Logic-Reset, and by Run-Test/Idle to Shift-DR.
    stream.write_all(b"ur").unwrap();
    clock(&mut stream, &[(1, 0); 5]);
    clock(&mut stream, &[(0, 0), (1, 0), (0, 0), (0, 0)]);
    let mut code = 0;
    for place in 0..32 {
        // TDO is looked at while the clock is low.
        stream.write_all(b"0R4").unwrap();
        let mut level = [0];
        stream.read_exact(&mut level).unwrap();
        assert!(matches!(level[0], b'0' | b'1'), "{level:?}");
        code |= u32::from(level[0] - b'0') << place;
    }
    assert_eq!(code, 0x6BA0_0477, "the debug port's IDCODE");
    stream.write_all(b"Q").unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it hangs up");
    assert!(board.quit());
}
