//! A virtual board in lockstep with a link to it, below the session: flash and boot stage are tested without GDB between.
#![allow(dead_code)]

#[path = "../support/images.rs"]
mod images;
pub mod patched;

pub use images::contents;

use std::{path::PathBuf, time::Duration};

use virtual_board::{
    adapter::Statistics,
    board::{Board, Builder},
    handle::VirtualBoard,
};
use xspi_gdb::{
    flash::{self, FlashContext, FlashError, InternalFlash, Report, Standing, Transaction},
    image::{Image, Vectors},
    layout::BoardProfile,
    link::{
        Attendant, Unattended,
        probe::{ProbeLink, ProbeSettings},
        units::Units,
    },
    stage::{self, Armed, Setup, StageError, StageStatus},
    window::Windows,
};

/// A board, the link to it, and what a session keeps.
pub struct Bench {
    pub board: VirtualBoard,
    pub link: ProbeLink,
    pub windows: Windows,
    pub units: Units,
    pub profile: BoardProfile,
    pub journal: Option<PathBuf>,
    pub standing: Standing,
    /// What a failed arm told besides its fault.
    pub unsaid: Vec<String>,
    selector: String,
}

/// What crossed the probe.
#[derive(Debug)]
pub struct Cost {
    pub exchanges: u64,
    pub transfers: u64,
    pub bytes: u64,
    /// Modelled time.
    pub time: Duration,
}

/// Firmware, ready to be programmed.
pub fn firmware(name: &str) -> Image {
    Image::open(images::firmware(name)).expect("firmware")
}

fn open(board: &VirtualBoard, selector: &str) -> ProbeLink {
    open_at(board, selector, Some(24_000))
}

fn open_at(board: &VirtualBoard, selector: &str, speed_khz: Option<u32>) -> ProbeLink {
    ProbeLink::open(ProbeSettings {
        selector: Some(selector.to_owned()),
        speed_khz,
        under_reset: false,
        clock: Some(Box::new(board.clone())),
        trace: None,
        claim: None,
    })
    .expect("a probe")
}

impl Bench {
    /// A blank board.
    pub fn blank() -> Self {
        Self::new("blank", Board::builder())
    }

    /// A board with `boot` in internal flash.
    pub fn with_boot(boot: &str) -> Self {
        let image = contents(&firmware(boot), 0x0800_0000);
        Self::new(boot, Board::builder().boot_image(image))
    }

    /// A board whose probe runs at 24 MHz, so that tests take less time.
    pub fn new(name: &str, builder: Builder) -> Self {
        Self::at_speed(name, builder, Some(24_000))
    }

    /// The same at another speed; the virtual probe's own without one.
    pub fn at_speed(name: &str, builder: Builder, speed_khz: Option<u32>) -> Self {
        let board = VirtualBoard::new(builder.build().expect("a board"));
        // Tests run in processes or threads of one process: the serial number keeps their boards apart.
        let serial = format!("{name}-{:?}", std::thread::current().id());
        let selector = board.register(&serial.replace(['(', ')'], ""));
        let selector = selector.to_string();
        let mut link = open_at(&board, &selector, speed_khz);
        let profile = BoardProfile::find("stm32h7s78-dk").expect("the kit");
        Self {
            units: Units::discover(&mut link).expect("units"),
            windows: Windows::new(&profile),
            journal: None,
            standing: Standing::Anywhere,
            unsaid: Vec::new(),
            board,
            link,
            profile,
            selector,
        }
    }

    /// Connects again, as the next run of the tool does.
    pub fn connected_again(self) -> Self {
        let Self {
            board,
            link,
            profile,
            journal,
            selector,
            ..
        } = self;
        // A probe that goes switches the debug port off: not behind the next one's back.
        drop(link);
        let mut link = open(&board, &selector);
        Self {
            units: Units::discover(&mut link).expect("units"),
            windows: Windows::new(&profile),
            journal,
            standing: Standing::default(),
            unsaid: Vec::new(),
            board,
            link,
            profile,
            selector,
        }
    }

    /// What the NOR holds, seen behind the debugger's back.
    pub fn nor(&self, offset: u32, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.board
            .with(|board| board.nor_contents(offset, &mut bytes));
        bytes
    }

    /// What internal flash holds, in the same way.
    pub fn internal_flash(&self) -> Vec<u8> {
        self.board.with(|board| board.internal_flash().to_vec())
    }

    pub fn idle(&self, duration: Duration) {
        self.board.idle(duration);
    }

    pub fn flash(&mut self, image: &Image) -> Result<Report, FlashError> {
        let transaction = Transaction::from_image(image, &self.profile);
        self.commit(&transaction, InternalFlash::Keep)
    }

    pub fn commit(
        &mut self,
        transaction: &Transaction,
        internal: InternalFlash,
    ) -> Result<Report, FlashError> {
        let context = FlashContext {
            profile: &self.profile,
            internal,
            standing: self.standing,
            journal: self.journal.clone(),
        };
        flash::commit(
            &mut self.link,
            &mut self.windows,
            &context,
            transaction,
            &mut Unattended,
        )
    }

    pub fn reset_nor(&mut self) -> Result<(), FlashError> {
        let context = FlashContext {
            profile: &self.profile,
            internal: InternalFlash::Keep,
            standing: Standing::Anywhere,
            journal: None,
        };
        flash::reset_nor(&mut self.link, &mut self.windows, &context)
    }

    pub fn install(&mut self, boot: &Image) -> Result<Report, FlashError> {
        let context = FlashContext {
            profile: &self.profile,
            internal: InternalFlash::Keep,
            standing: Standing::Anywhere,
            journal: None,
        };
        flash::install_boot(
            &mut self.link,
            &mut self.windows,
            &context,
            boot,
            &mut Unattended,
        )
    }

    pub fn arm(&mut self, appli: Option<&Image>) -> Result<Armed, StageError> {
        self.arm_with(None, appli, None)
    }

    pub fn arm_with(
        &mut self,
        boot: Option<&Image>,
        appli: Option<&Image>,
        known: Option<Vectors>,
    ) -> Result<Armed, StageError> {
        self.arm_told(boot, appli, known, &mut Unattended)
    }

    pub fn arm_told(
        &mut self,
        boot: Option<&Image>,
        appli: Option<&Image>,
        known: Option<Vectors>,
        attendant: &mut dyn Attendant,
    ) -> Result<Armed, StageError> {
        let setup = Setup {
            profile: &self.profile,
            boot,
            appli,
            known,
            timeout: Duration::from_secs(2),
        };
        stage::arm(
            &mut self.link,
            &mut self.windows,
            &mut self.units,
            &setup,
            attendant,
            &mut self.unsaid,
        )
    }

    pub fn status(&mut self, boot: Option<&Image>, appli: Option<&Image>) -> StageStatus {
        stage::status(
            &mut self.link,
            &mut self.windows,
            &self.profile,
            boot,
            appli,
        )
        .expect("a status")
    }

    /// Runs `act` and tells what crossed the probe.
    pub fn cost<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> (T, Cost) {
        let before: Statistics = self.board.statistics();
        let began = self.board.with(|board| board.now());
        let result = act(self);
        let after = self.board.statistics();
        let cost = Cost {
            exchanges: after.exchanges - before.exchanges,
            transfers: after.transfers - before.transfers,
            bytes: after.bytes - before.bytes,
            time: Duration::from_nanos((self.board.with(|board| board.now()) - began).0 / 1_000),
        };
        (result, cost)
    }
}
