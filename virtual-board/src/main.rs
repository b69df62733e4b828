//! `virtual-board`: lets a board run for a span of virtual time and says what it did, serves a powered board to debuggers, or says
//! what a state file holds.
//!
//! `RUST_LOG=virtual_board::map=trace` shows every register write.

use std::{
    error::Error,
    fs,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
    sync::mpsc::{self, Sender},
    thread,
};

use clap::{Args, Parser, Subcommand};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};
use virtual_board::{
    adapter::Clock,
    bitbang, bmp,
    board::{Board, Builder, Description},
    clock::Time,
    cmsis_dap,
    handle::VirtualBoard,
    mishap::{GRAMMAR, Mishap},
    serve::{
        self, Protocol, Seat,
        console::{self, Outcome},
        status_page::StatusPage,
    },
    state::State,
};

/// Virtual boards with an STM32H7RS or STM32H7S.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Switch the board on, let it run, and say what it did.
    Run {
        #[command(flatten)]
        memories: Memories,
        /// Span of virtual time in milliseconds.
        #[arg(long = "for", value_name = "MS", default_value_t = 1_000)]
        milliseconds: u64,
    },
    /// Switch the board on and keep it running for debuggers that come and go, until SIGTERM, Ctrl-C or `quit`.
    ///
    /// Commands for the board are read from the standard input, one a line: `help` lists them. A terminal shows a status page in its
    /// last lines.
    Serve {
        #[command(flatten)]
        memories: Memories,
        /// Port of the loopback interface for Black Magic clients, as `probe-rs --probe 1d50:6018:127.0.0.1:PORT`; 0 for any.
        #[arg(long, value_name = "PORT")]
        bmp: Option<u16>,
        /// Port of the loopback interface for OpenOCD, as `adapter driver remote_bitbang; remote_bitbang port PORT`; 0 for any.
        #[arg(long, value_name = "PORT")]
        bitbang: Option<u16>,
        /// Port of the loopback interface for CMSIS-DAP clients that speak it over TCP, as OpenOCD's `cmsis-dap backend tcp`; 0 for any.
        #[arg(long, value_name = "PORT")]
        cmsis_dap: Option<u16>,
        #[command(flatten)]
        pace: Pace,
    },
    /// Say what a state file holds.
    State {
        /// The file.
        file: PathBuf,
    },
}

/// How a served board's time passes.
#[derive(Args)]
struct Pace {
    /// How the board's time passes.
    #[arg(long, value_enum, default_value_t = Clock::Free)]
    clock: Clock,
    /// What an exchange with the probe costs before the bits on the wire, on the clocks lockstep and paced and in `statistics`.
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 250)]
    exchange_cost: u32,
}

/// What the board starts with.
#[derive(Args)]
struct Memories {
    /// Which board: a name, or a description in a file that ends in .toml.
    #[arg(long, value_name = "NAME|FILE", default_value = "stm32h7s78-dk")]
    board: String,
    /// File that keeps internal flash, option bytes and NOR; made if it does not exist.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Binary image for internal flash.
    #[arg(long)]
    boot: Option<PathBuf>,
    /// Binary image for the NOR.
    #[arg(long)]
    nor: Option<PathBuf>,
    /// Refuse accesses to registers that are not modelled.
    #[arg(long)]
    strict: bool,
    /// Something that goes wrong, as `power-cut nor erase 3`; may be given several times.
    #[arg(long, value_name = "WORDS", long_help = mishap_help())]
    mishap: Vec<Mishap>,
}

fn mishap_help() -> String {
    format!("Something that goes wrong; may be given several times:\n{GRAMMAR}")
}

impl Memories {
    fn builder(self) -> Result<Builder, Box<dyn Error>> {
        let description = Description::find(&self.board)?;
        let mut builder = Board::builder().board(description).strict(self.strict);
        if let Some(path) = self.state {
            builder = builder.state_file(path);
        }
        if let Some(path) = self.boot {
            builder = builder.boot_image(fs::read(path)?);
        }
        if let Some(path) = self.nor {
            builder = builder.nor_image(fs::read(path)?);
        }
        Ok(self.mishap.into_iter().fold(builder, Builder::mishap))
    }
}

/// What may happen to a served board from outside.
enum Event {
    Line(String),
    Terminate,
}

fn main() -> ExitCode {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .from_env_lossy();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false);
    match io::stderr().is_terminal() {
        true => log.init(),
        false => log.with_ansi(false).init(),
    }
    let outcome = match Arguments::parse().command {
        Command::Run {
            memories,
            milliseconds,
        } => run(memories, Time::millis(milliseconds)),
        Command::Serve {
            memories,
            bmp,
            bitbang,
            cmsis_dap,
            pace,
        } => serve(
            memories,
            &pace,
            [
                (bmp::PROTOCOL, bmp),
                (bitbang::PROTOCOL, bitbang),
                (cmsis_dap::PROTOCOL, cmsis_dap),
            ],
        ),
        Command::State { file } => show_state(&file),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(memories: Memories, span: Time) -> Result<(), Box<dyn Error>> {
    let mut board = memories.builder()?.build()?;
    board.run_for(span);
    println!("{}", console::report(&mut board));
    let text = board.uart_text();
    if !text.is_empty() {
        println!("{}:\n{text}", board.description().console());
    }
    board.save()?;
    Ok(())
}

fn serve(
    memories: Memories,
    pace: &Pace,
    listeners: [(Protocol, Option<u16>); 3],
) -> Result<(), Box<dyn Error>> {
    let board = VirtualBoard::new(memories.builder()?.build()?);
    let (events, outside) = mpsc::channel();
    let signals = events.clone();
    ctrlc::set_handler(move || {
        // After the last event there is nobody left to tell.
        let _ = signals.send(Event::Terminate);
    })?;
    let exchange_cost = Time::micros(pace.exchange_cost.into());
    board.adapter(|adapter| adapter.set_exchange_cost(exchange_cost));
    board.run_by(pace.clock);
    let seat = Seat::default();
    for (protocol, port) in listeners {
        if let Some(port) = port {
            let address = serve::listen(protocol, port, &board, &seat)?;
            println!("Listening for {} clients on {address}", protocol.name);
        }
    }
    let page = StatusPage::show(&board, &seat)?;
    let prompt = || page.as_ref().map_or(Ok(()), StatusPage::prompt);
    thread::spawn(move || read_lines(&events));
    prompt()?;
    while let Ok(Event::Line(line)) = outside.recv() {
        match console::command(&line, &board, &seat) {
            Outcome::Reply(text) if text.is_empty() => {}
            Outcome::Reply(text) => println!("{text}"),
            Outcome::Quit => break,
        }
        prompt()?;
    }
    drop(page);
    board.with(|board| board.save())?;
    Ok(())
}

/// The end of the standard input is not the end of the board: a service has none.
fn read_lines(events: &Sender<Event>) {
    for line in io::stdin().lines().map_while(Result::ok) {
        if events.send(Event::Line(line)).is_err() {
            return;
        }
    }
}

fn show_state(file: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let Some(state) = State::load(file)? else {
        return Err(format!("there is no state file {}", file.display()).into());
    };
    for (offset, word) in &state.option_words {
        println!("option word at FLASH+{offset:#05x}: {word:#010x}");
    }
    for memory in state.memories.keys() {
        let bytes: usize = state.blocks(memory).map(|(_, block)| block.len()).sum();
        println!("{memory}: {bytes} bytes in blocks that are not blank");
        for (start, end) in state.extents(memory) {
            println!("  {start:#010x}..{end:#010x}");
        }
    }
    Ok(())
}
