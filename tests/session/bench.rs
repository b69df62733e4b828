//! A board with a known past and a session on it.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use goblin::elf::Elf;
use virtual_board::{board::Board, handle::VirtualBoard};
use xspi_gdb::{
    breakpoints::{Kind, Request},
    fault::Fault,
    flash::Report,
    image::Image,
    layout::{Address, BoardProfile},
    link::{
        Unattended,
        probe::{ProbeLink, ProbeSettings},
        trace::Trace,
    },
    session::{ResetKind, Resumed, Session, Settings, Stop},
};

use crate::images;
pub use crate::images::firmware;

/// How long a test waits for a stop, in looks of a millisecond.
const PATIENCE: u32 = 5_000;

/// A board and a session on it.
pub struct Bench {
    pub board: VirtualBoard,
    pub session: Session,
}

/// What firmware stores in the memory at `base`.
pub fn contents(name: &str, base: u32) -> Vec<u8> {
    let image = Image::open(firmware(name)).expect("firmware");
    images::contents(&image, base)
}

/// Where the appli has `name` (as it is, or mangled), a function without its Thumb bit.
pub fn symbol(name: &str) -> Address {
    let bytes = std::fs::read(firmware("appli.elf")).expect("firmware");
    let elf = Elf::parse(&bytes).expect("an ELF file");
    let mangled = format!("{}{name}17h", name.len());
    let is_meant =
        |known: &str| known == name || known.starts_with("_ZN") && known.contains(&mangled);
    let found = elf
        .syms
        .iter()
        .find(|symbol| elf.strtab.get_at(symbol.st_name).is_some_and(is_meant));
    let symbol = found.unwrap_or_else(|| panic!("no symbol {name}"));
    Address(if symbol.is_function() {
        symbol.st_value as u32 & !1
    } else {
        symbol.st_value as u32
    })
}

pub fn settings() -> Settings {
    Settings {
        appli: Some(firmware("appli.elf")),
        ..Settings::of(BoardProfile::find("stm32h7s78-dk").expect("a known board"))
    }
}

/// A link to `board`, whose time passes when the link waits.
pub fn link(board: &VirtualBoard, under_reset: bool) -> ProbeLink {
    traced_link(board, under_reset, None)
}

/// The same, with every exchange written down.
pub fn traced_link(board: &VirtualBoard, under_reset: bool, trace: Option<Trace>) -> ProbeLink {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let serial = format!("session-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let selector = board.register(&serial);
    ProbeLink::open(ProbeSettings {
        selector: Some(format!(
            "{:04x}:{:04x}:{serial}",
            selector.vendor_id, selector.product_id
        )),
        speed_khz: None,
        under_reset,
        clock: Some(Box::new(board.clone())),
        trace,
        claim: None,
    })
    .expect("the virtual board has a probe")
}

/// Our boot stage in internal flash, our appli in the NOR, power just applied.
pub fn board() -> VirtualBoard {
    board_with(Some("boot.elf"), Some("appli.elf"))
}

/// The same with other firmware, or none.
pub fn board_with(boot: Option<&str>, appli: Option<&str>) -> VirtualBoard {
    let mut builder = Board::builder().strict(true);
    if let Some(boot) = boot {
        builder = builder.boot_image(contents(boot, 0x0800_0000));
    }
    if let Some(appli) = appli {
        builder = builder.nor_image(contents(appli, 0x7000_0000));
    }
    VirtualBoard::new(builder.build().expect("a board without a state file"))
}

impl Bench {
    /// A session that found the appli running.
    pub fn with_running_appli() -> Self {
        let board = board();
        board.idle(Duration::from_millis(500));
        Self::attach(board)
    }

    pub fn attach(board: VirtualBoard) -> Self {
        Self::attach_with(board, settings())
    }

    pub fn attach_with(board: VirtualBoard, settings: Settings) -> Self {
        let session = Session::open(Box::new(link(&board, settings.under_reset)), settings);
        Self {
            board,
            session: session.expect("a session"),
        }
    }

    /// `monitor reset halt`: what it says.
    pub fn reset(&mut self) -> Vec<String> {
        let outcome = self.session.reset(ResetKind::Arm, &mut Unattended);
        outcome.expect("a reset").console
    }

    /// What GDB's `load` does: RAM sections as memory, flash by erase and write, then GDB's write of the pc.
    pub fn load(&mut self, name: &str) -> Result<Report, Fault> {
        let image = Image::open(firmware(name)).expect("firmware");
        for segment in image.segments() {
            if segment.address.is_external() || segment.address.0 >> 24 == 0x08 {
                let length = (segment.data.len() as u32).next_multiple_of(0x1_0000);
                self.session.flash_erase(segment.address, length);
                for (index, piece) in segment.data.chunks(1000).enumerate() {
                    let address = Address(segment.address.0 + 1000 * index as u32);
                    self.session.flash_write(address, piece);
                }
            } else {
                self.session
                    .write_memory(segment.address, &segment.data)
                    .expect("RAM");
            }
        }
        let report = self.session.flash_done(&mut Unattended)?;
        let entry = image.entry().expect("an entry point");
        self.session.write_register(15, entry.0.into())?;
        Ok(report)
    }

    pub fn insert(&mut self, kind: Kind, address: Address) {
        let length = if matches!(kind, Kind::Software | Kind::Hardware) {
            2
        } else {
            4
        };
        let request = Request {
            kind,
            address,
            length,
        };
        self.session.insert(request).expect("a free unit");
    }

    /// Resumes and waits for the stop.
    pub fn run(&mut self) -> Stop {
        match self.session.resume().expect("a resume") {
            Resumed::Running => self.wait(),
            Resumed::Stopped(stop) => stop,
            Resumed::Refused(stop) => panic!("refused: {stop:?}"),
        }
    }

    pub fn wait(&mut self) -> Stop {
        for _ in 0..PATIENCE {
            if let Some(stop) = self.session.poll().expect("a poll") {
                return stop;
            }
            self.session.idle(Duration::from_millis(1)).expect("a wait");
        }
        panic!("no stop")
    }

    pub fn word(&mut self, address: Address) -> u32 {
        let mut bytes = [0; 4];
        let read = self.session.read_memory(address, &mut bytes);
        assert_eq!(read, Ok(4), "a word at {address}");
        u32::from_le_bytes(bytes)
    }

    pub fn variable(&mut self, name: &str) -> u32 {
        let address = symbol(name);
        self.word(address)
    }

    /// Puts a command into the appli's mailbox.
    pub fn command(&mut self, number: u32, argument: u32) {
        let mailbox = symbol("MAILBOX");
        let words: Vec<u8> = [number, argument]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        let command = Address(mailbox.0 + 4);
        self.session
            .write_memory(command, &words)
            .expect("the mailbox is RAM");
    }

    /// Exchanges with the probe that `act` takes.
    pub fn exchanges(&mut self, act: impl FnOnce(&mut Session)) -> u64 {
        let before = self.board.statistics().exchanges;
        act(&mut self.session);
        self.board.statistics().exchanges - before
    }
}
