//! The `target:` options that most commands share: which probe, which board, which files.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use virtual_board::handle::VirtualBoard;

use super::{
    client_host::ClientHost,
    config::Config,
    loaders::{self, Loaders},
    mishaps::Mishaps,
    power::{Connector, PowerCycle, PowerError, Switch},
    virtual_probe,
};
use crate::{
    fault::{Code, Explain, Fault},
    layout::{Address, BoardProfile, BootMode, Inconsistency, LoadAndRun},
    link::{probe::ProbeLink, trace::Trace},
    loader::builtin,
    semihosting,
    session::{self, Session, Settings, switched_because_of},
};

/// The probe that needs no hardware.
const VIRTUAL: &str = "virtual";
/// The board that the virtual probe is wired to, unless another is named.
const VIRTUAL_BOARD: &str = "stm32h7s78-dk";
/// What we remember of a project's boards, in the project's folder or beside a virtual board's state file.
const OUR_FOLDER: &str = ".xspi-gdb";

/// What becomes of the core when the session opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OnAttach {
    /// It is halted where it is: a hung unit keeps its evidence.
    Halt,
    /// It is reset and brought to the appli's first instruction.
    Arm,
    /// It goes on as it does.
    Run,
}

impl From<OnAttach> for session::OnAttach {
    fn from(choice: OnAttach) -> Self {
        match choice {
            OnAttach::Halt => Self::Halt,
            OnAttach::Arm => Self::Arm,
            OnAttach::Run => Self::Run,
        }
    }
}

/// How the virtual board's time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum VirtualTime {
    /// With every exchange and wait, and only then: the same numbers on every run.
    Lockstep,
    /// With the wall clock.
    Free,
}

/// Which probe, which board, which files. xspi-gdb.toml may hold the same settings; the command line wins.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Target")]
pub struct Target {
    /// `virtual`, or VID:PID[:SERIAL] as `xspi-gdb probes` lists them.
    #[arg(long, value_name = "PROBE")]
    probe: Option<String>,
    /// The board of this name in xspi-gdb.toml: its probe, profile and speed.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["probe", "board"])]
    on: Option<String>,
    /// Wait so long for a probe that another process has.
    #[arg(long, value_name = "SECONDS")]
    wait_for_probe: Option<u64>,
    /// Switches the board off and on. Run by the shell; it fails by its exit code.
    #[arg(long, value_name = "COMMAND")]
    power_cycle_cmd: Option<String>,
    /// Who switches the board off and on where that is the remedy, as for a NOR that is still erasing: `manual` unless said otherwise.
    #[arg(long, value_enum, value_name = "WHO")]
    power_cycle: Option<PowerCycle>,
    /// Board profile: a name, or a file ending in .toml. Without it `--probe virtual` is an stm32h7s78-dk.
    #[arg(long, value_name = "BOARD")]
    board: Option<String>,
    /// probe-rs's name of the chip, if it is not the board profile's.
    #[arg(long, value_name = "NAME")]
    chip: Option<String>,
    /// Settings file; xspi-gdb.toml of this folder if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The appli that is debugged (ELF, HEX, BIN@ADDRESS).
    #[arg(long, value_name = "FILE")]
    appli: Option<PathBuf>,
    /// What is flashed when that is not the appli's ELF: a signed or padded image (HEX, BIN@ADDRESS).
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The boot stage that should be in internal flash.
    #[arg(long, value_name = "FILE")]
    boot: Option<PathBuf>,
    /// Flash loader: an ST external loader (.stldr, .elf), a CMSIS-Pack algorithm (.FLM), a target description for probe-rs (.yaml), the name
    /// of an algorithm built into probe-rs, or `own`. WINDOW=LOADER for one window of several. The board profile's unless said otherwise.
    #[arg(long, value_name = "[WINDOW=]LOADER")]
    loader: Vec<String>,
    /// The boot stage may be programmed when it differs from --boot.
    #[arg(long)]
    install_boot: bool,
    /// What the boot stage does with the appli: the board profile's, which is `xip` unless it says otherwise.
    #[arg(long, value_enum, value_name = "MODE")]
    boot_mode: Option<BootMode>,
    /// What a boot stage of mode `lrun` copies from NOR to RAM, in bytes.
    #[arg(long, value_name = "SOURCE:DESTINATION:SIZE")]
    lrun: Option<LoadAndRun>,
    /// SWD clock.
    #[arg(long, value_name = "KHZ")]
    speed: Option<u32>,
    /// Connect while nRST is asserted.
    #[arg(long, alias = "connect-under-reset")]
    under_reset: bool,
    /// What becomes of the core when the session opens: `halt` unless said otherwise.
    #[arg(long, value_enum)]
    on_attach: Option<OnAttach>,
    /// Read the window also while the core runs, although the appli may be writing its NOR.
    #[arg(long)]
    live_window: bool,
    /// How long the boot stage may take to the appli's first instruction: 10 unless said otherwise.
    #[arg(long, value_name = "SECONDS")]
    boot_timeout: Option<u64>,
    /// Where the boot stage looks for the appli's vector table, if the appli's ELF does not name it.
    #[arg(long, value_name = "ADDRESS")]
    vectors: Option<Address>,
    /// The virtual board's flash memories, kept between runs; a missing file begins as a blank board.
    #[arg(long, value_name = "FILE")]
    virtual_state: Option<PathBuf>,
    /// What goes wrong on the virtual board, as `power-cut nor erase 3`; several are separated by `;`. docs/virtual-board.md lists them.
    #[arg(long, value_name = "WORDS")]
    virtual_mishap: Option<Mishaps>,
    /// How the virtual board's time passes: `free` for `serve`, `lockstep` for everything else.
    #[arg(long, value_enum)]
    virtual_time: Option<VirtualTime>,
    /// Write down every exchange with the probe, a line each: its number, for whom, by what operation, and what it carried.
    #[arg(long, value_name = "FILE")]
    trace_link: Option<PathBuf>,
    /// The program may have files in this directory, by semihosting, and nowhere else.
    #[arg(long, value_name = "DIRECTORY")]
    semihosting_dir: Option<PathBuf>,
    /// What the program gets for its arguments, by semihosting.
    #[arg(long, value_name = "WORDS")]
    semihosting_cmdline: Option<String>,
    /// Semihosting calls stop the program, as any BKPT of its own.
    #[arg(long)]
    no_semihosting: bool,
    /// Somebody sits in front of the session.
    #[arg(skip)]
    interactive: bool,
    /// Nobody looks at the board, so that it may be switched off and on.
    #[arg(skip)]
    may_switch_power: bool,
    /// Whose console and files the program has under a client, where there are clients.
    #[arg(skip)]
    clients: Option<ClientHost>,
}

/// Why the target cannot be made of the options.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A chip is not a board.
    #[error("no board is named for probe {probe}")]
    NoBoard {
        /// The probe.
        probe: String,
    },
    /// Nothing here fits another chip.
    #[error("`{chip}` is no STM32H7RS or STM32H7S that is known")]
    OtherChip {
        /// The chip.
        chip: String,
    },
    /// Options and board profile do not fit each other.
    #[error("the board cannot be as the options say: {0}")]
    Contradiction(#[source] Inconsistency),
    /// There is nothing to program.
    #[error("no file is named")]
    NoFile,
    /// The trace of the link cannot be made.
    #[error("cannot write {}", path.display())]
    Trace {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

impl Explain for TargetError {
    fn code(&self) -> Code {
        match self {
            Self::NoBoard { .. } => Code::XG073,
            Self::OtherChip { .. } => Code::XG075,
            Self::Contradiction(_) => Code::XG071,
            Self::NoFile => Code::XG050,
            Self::Trace { .. } => Code::XG079,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        matches!(self, Self::NoFile).then_some(Cow::Borrowed(
            "name a file, or set `appli` in xspi-gdb.toml",
        ))
    }
}

/// The probe's link and the board's settings, ready for a session.
pub struct Opened {
    /// The link.
    pub link: ProbeLink,
    /// What the session is opened with.
    pub settings: Settings,
    /// The virtual board behind the link, if it is that.
    pub board: Option<VirtualBoard>,
    /// What is served of semihosting, unless its calls are stops.
    pub semihosting: Option<semihosting::Options>,
    /// What switches the board off and on, if anything does.
    power: Option<Switch>,
    /// It may be switched without being asked for.
    may_switch_power: bool,
    /// Why it was switched before it answered.
    pub switched: Option<Fault>,
}

impl Opened {
    /// Opens the session.
    pub fn session(self) -> Result<Session, Fault> {
        let mut session = Session::open(Box::new(self.link), self.settings)?;
        if let Some(options) = self.semihosting {
            session.serve_semihosting(options)?;
        }
        if let Some(power) = self.power {
            session.set_power_switch(Box::new(power));
        }
        if self.may_switch_power {
            session.may_switch_power();
        }
        session.notice(self.switched.as_ref().map(switched_because_of));
        Ok(session)
    }
}

impl Target {
    /// The probe that the command line names.
    pub fn probe(&self) -> Option<&str> {
        self.probe.as_deref()
    }

    /// The settings file that the command line names.
    pub fn config_file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// For a session that somebody sits in front of: the virtual board follows the wall clock, unless the options say otherwise.
    pub fn interactive(mut self) -> Self {
        self.interactive = true;
        self
    }

    /// For a command that comes to an end by itself, with nobody attached who looks at the board: with `--power-cycle auto` it is
    /// switched off and on where that is the remedy.
    pub fn unattended(mut self) -> Self {
        self.may_switch_power = true;
        self
    }

    /// For a server: somebody sits in front of its clients.
    pub fn for_clients(mut self, host: ClientHost) -> Self {
        self.clients = Some(host);
        self.interactive()
    }

    /// The virtual board with its memories in `state`, and `appli`: everything else as without options.
    pub fn virtual_with(state: PathBuf, appli: PathBuf) -> Self {
        Self {
            probe: Some(VIRTUAL.to_owned()),
            board: Some(VIRTUAL_BOARD.to_owned()),
            on: None,
            wait_for_probe: None,
            power_cycle_cmd: None,
            power_cycle: None,
            chip: None,
            config: None,
            appli: Some(appli),
            image: None,
            boot: None,
            loader: Vec::new(),
            install_boot: false,
            boot_mode: None,
            lrun: None,
            speed: None,
            under_reset: false,
            on_attach: None,
            live_window: false,
            boot_timeout: None,
            vectors: None,
            virtual_state: Some(state),
            virtual_mishap: None,
            virtual_time: Some(VirtualTime::Lockstep),
            trace_link: None,
            semihosting_dir: None,
            semihosting_cmdline: None,
            no_semihosting: false,
            interactive: false,
            may_switch_power: false,
            clients: None,
        }
    }

    /// The SWD clock, unless --speed names one.
    pub fn suggest_speed(&mut self, khz: u32) {
        self.speed.get_or_insert(khz);
    }

    /// What becomes of the core, unless --on-attach says it.
    pub fn suggest_on_attach(&mut self, choice: OnAttach) {
        self.on_attach.get_or_insert(choice);
    }

    /// The chip, unless --chip names one.
    pub fn suggest_chip(&mut self, name: String) {
        self.chip.get_or_insert(name);
    }

    /// As --under-reset does.
    pub fn connect_under_reset(&mut self) {
        self.under_reset = true;
    }

    /// xspi-gdb.toml, with what it says of the board of the rack that is meant.
    pub fn config(&self) -> Result<Config, Fault> {
        let config = Config::read(self.config.as_deref())?;
        let named = self.probe.is_some() || self.board.is_some();
        let usual = config.on.clone().filter(|_| !named);
        Ok(match self.on.clone().or(usual) {
            Some(name) => config.with_board(&name)?,
            None => config,
        })
    }

    /// Opens probe and board as the options and xspi-gdb.toml say. The core goes on as it does.
    pub fn open(&self) -> Result<Opened, Fault> {
        let config = self.config()?;
        let probe = self.probe.clone().or(config.probe);
        let board = self.board.clone().or(config.board);
        let is_virtual = probe.as_deref() == Some(VIRTUAL);
        let board = match board {
            Some(board) => board,
            None if is_virtual => VIRTUAL_BOARD.to_owned(),
            None => {
                return Err(TargetError::NoBoard {
                    probe: probe.unwrap_or_else(|| "any".to_owned()),
                }
                .into());
            }
        };
        let mut profile = BoardProfile::find(&board)?;
        loaders::place_files(&mut profile);
        if let Some(chip) = self.chip.clone().or(config.chip) {
            profile.chip = chip;
        }
        if !builtin::is_of_our_family(&profile.chip) {
            return Err(TargetError::OtherChip { chip: profile.chip }.into());
        }
        profile.vectors = self.vectors.or(config.vectors).or(profile.vectors);
        profile.boot_mode = self
            .boot_mode
            .or(config.boot_mode)
            .unwrap_or(profile.boot_mode);
        profile.lrun = self.lrun.or(config.lrun).or(profile.lrun);
        profile.check().map_err(TargetError::Contradiction)?;
        match self.loader.is_empty() {
            true => config.loader.unwrap_or_default().choose(&mut profile)?,
            false => Loaders::from_options(&self.loader, &profile).choose(&mut profile)?,
        }
        let on_attach = self
            .on_attach
            .or(config.on_attach)
            .unwrap_or(OnAttach::Halt);
        let usual_time = match self.interactive {
            true => VirtualTime::Free,
            false => VirtualTime::Lockstep,
        };
        let time = self
            .virtual_time
            .or(config.virtual_time)
            .unwrap_or(usual_time);
        let under_reset = self.under_reset || config.under_reset.unwrap_or(false);
        let speed_khz = self.speed.or(config.speed);
        let state = self.virtual_state.clone().or(config.virtual_state);
        let beside = match (is_virtual, &state) {
            (false, _) => Some(config.folder.as_path()),
            (true, Some(state)) => state.parent(),
            (true, None) => None,
        };
        let flash_journal = beside.map(|folder| folder.join(OUR_FOLDER));
        let virtual_board = if is_virtual {
            let mishaps = self.virtual_mishap.clone().or(config.virtual_mishap);
            Some(virtual_probe::make(
                &profile,
                state,
                time,
                mishaps.unwrap_or_default(),
            )?)
        } else {
            None
        };
        let serves = !(self.no_semihosting || config.semihosting == Some(false));
        let semihosting = serves.then(|| semihosting::Options {
            directory: self.semihosting_dir.clone().or(config.semihosting_dir),
            command_line: self
                .semihosting_cmdline
                .clone()
                .or(config.semihosting_cmdline)
                .unwrap_or_default(),
            host: match self.clients {
                Some(host) => host.or(config.semihosting_gdb),
                None => semihosting::Host::Ours,
            },
            is_typed_into: false,
        });
        let trace = create_trace(self.trace_link.as_ref().or(config.trace_link.as_ref()))?;
        let patience = self.wait_for_probe.or(config.wait_for_probe);
        let connector = Connector {
            probe,
            speed_khz,
            under_reset,
            patience: Duration::from_secs(patience.unwrap_or(0)),
            board: virtual_board.clone().map(|board| {
                let selector = board.register("virtual").to_string();
                (board, selector)
            }),
        };
        let command = self.power_cycle_cmd.clone().or(config.power_cycle_cmd);
        let is_switched = command.is_some() || is_virtual;
        let who = self.power_cycle.or(config.power_cycle).unwrap_or_default();
        let may_switch_power = self.may_switch_power && who == PowerCycle::Auto;
        if may_switch_power && !is_switched {
            return Err(PowerError::NoCommand.into());
        }
        let switch = Switch { command, connector };
        let (link, switched) = switch.connect(trace, may_switch_power)?;
        Ok(Opened {
            link,
            settings: Settings {
                profile,
                appli: self.appli.clone().or(config.appli),
                image: self.image.clone().or(config.image),
                boot: self.boot.clone().or(config.boot),
                install_boot: self.install_boot || config.install_boot.unwrap_or(false),
                boot_timeout: self
                    .boot_timeout
                    .or(config.boot_timeout)
                    .map_or(Settings::BOOT_TIMEOUT, Duration::from_secs),
                on_attach: on_attach.into(),
                under_reset,
                live_window: self.live_window || config.live_window.unwrap_or(false),
                flash_journal,
            },
            board: virtual_board,
            semihosting,
            power: is_switched.then_some(switch),
            may_switch_power: may_switch_power && switched.is_none(),
            switched,
        })
    }
}

fn create_trace(path: Option<&PathBuf>) -> Result<Option<Trace>, TargetError> {
    let create = |path: &PathBuf| {
        Trace::create(path).map_err(|source| TargetError::Trace {
            path: path.clone(),
            source,
        })
    };
    path.map(create).transpose()
}
