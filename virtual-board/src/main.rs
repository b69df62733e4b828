//! `virtual-board`: lets a board run for a span of virtual time and says what it did, or what a state file holds.
//!
//! `RUST_LOG=virtual_board::map=trace` shows every register write.

use std::{error::Error, fs, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};
use virtual_board::{
    board::{Board, XspiPort},
    clock::Time,
    state::State,
};

/// A virtual STM32H7S78-DK.
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
        /// File that keeps internal flash, option bytes and NOR; made if it does not exist.
        #[arg(long)]
        state: Option<PathBuf>,
        /// Binary image for internal flash.
        #[arg(long)]
        boot: Option<PathBuf>,
        /// Binary image for the NOR behind XSPI2.
        #[arg(long)]
        nor: Option<PathBuf>,
        /// Span of virtual time in milliseconds.
        #[arg(long = "for", value_name = "MS", default_value_t = 1_000)]
        milliseconds: u64,
        /// Refuse accesses to registers that are not modelled.
        #[arg(long)]
        strict: bool,
    },
    /// Say what a state file holds.
    State {
        /// The file.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    let outcome = match Arguments::parse().command {
        Command::Run {
            state,
            boot,
            nor,
            milliseconds,
            strict,
        } => run(state, boot, nor, Time::millis(milliseconds), strict),
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

fn run(
    state: Option<PathBuf>,
    boot: Option<PathBuf>,
    nor: Option<PathBuf>,
    span: Time,
    strict: bool,
) -> Result<(), Box<dyn Error>> {
    let mut builder = Board::builder().strict(strict);
    if let Some(path) = state {
        builder = builder.state_file(path);
    }
    if let Some(path) = boot {
        builder = builder.boot_image(fs::read(path)?);
    }
    if let Some(path) = nor {
        builder = builder.nor_image(fs::read(path)?);
    }
    let mut board = builder.build()?;
    board.run_for(span);
    report(&mut board);
    board.save()?;
    Ok(())
}

fn report(board: &mut Board) {
    println!("time     {:.6} s", board.now().as_secs_f64());
    println!("core     {:?}, pc {:#010x}", board.core_state(), board.pc());
    let leds = board.leds().map(|on| if on { "on" } else { "off" });
    println!("leds     {}", leds.join(" "));
    for port in [XspiPort::Xspi1, XspiPort::Xspi2] {
        let state = if board.is_mapped(port) {
            "memory-mapped"
        } else {
            "closed"
        };
        println!("{port:?}    window at {:#010x} {state}", port.window());
    }
    let text = board.uart_text();
    if !text.is_empty() {
        println!("uart4:\n{text}");
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
