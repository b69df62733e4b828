//! `xspi-gdb gdbserver`: the server with pyOCD's arguments and ready line, for IDEs that start one of their own.
//!
//! pyOCD's manual, "gdbserver" and "Session options". cortex-debug with `"servertype": "pyocd"` gives `--port`, `--telnet-port`,
//! `--board`, `--target`, `--pack` and `-O`, and waits for `GDB server listening on port N`. Semihosting's console is on the
//! telnet port, as pyOCD has it. Deviations: while nobody is connected there, GDB shows what the program writes; and a board is one of
//! ours, not an mbed id.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use super::{
    Outcome,
    client_host::ClientHost,
    serve::RttPorts,
    target::{OnAttach, Target},
};
use crate::{
    fault::Fault,
    gdb::{Options, Server, events::Events, server::DEFAULT_PORT},
};

/// pyOCD's name for "whatever is there".
const ANY_CHIP: &str = "cortex_m";

/// Serve GDB clients as `serve` does, started with pyOCD's arguments: for IDEs that start a server of their own.
///
/// Says `GDB server listening on port N` on stdout when it is ready. The project's own settings come from xspi-gdb.toml or from the
/// options below. For cortex-debug: "servertype": "pyocd", "serverpath": "xspi-gdb".
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb gdbserver --port 50000 --probe virtual
  xspi-gdb gdbserver --port 50000 --telnet-port 50001 --target stm32h7s7l8")]
pub struct GdbServer {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    host: ClientHost,
    /// Port; 0 is any free one.
    #[arg(short, long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Port of the program's console (semihosting), both ways; 0 is any free one.
    #[arg(short = 'T', long, value_name = "PORT")]
    telnet_port: Option<u16>,
    /// pyOCD's name of the chip (`stm32h7s7l8hx`), if it is not the board profile's. `cortex_m` says nothing.
    #[arg(short, long = "target", value_name = "NAME")]
    target_name: Option<String>,
    /// Accepted for pyOCD's sake: loaders are the board profile's or --loader's.
    #[arg(long, value_name = "FILE")]
    pack: Vec<PathBuf>,
    /// A session option of pyOCD. frequency, connect_mode, target_override and semihost_use_syscalls are taken; others are told and ignored.
    #[arg(short = 'O', value_name = "NAME=VALUE")]
    option: Vec<String>,
    #[command(flatten)]
    rtt: RttPorts,
}

/// What an option of pyOCD asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    SpeedKhz(u32),
    OnAttach(OnAttach),
    UnderReset,
    Chip(String),
    /// Semihosting by GDB's File-I/O.
    GdbServes,
    /// What every session of ours does anyway.
    Granted,
}

impl GdbServer {
    pub(super) fn run(self) -> Outcome {
        let server = Server::listen(Options {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port),
            events: Events::PyOcd,
            rtt: self.rtt.first(),
            console: self.telnet_port,
            ..Options::default()
        })
        .map_err(Fault::from)?;
        let target = self.wished();
        server.serve(move || target.open()?.session())?;
        Ok(ExitCode::SUCCESS)
    }

    /// The target as pyOCD's arguments wish it, where our own say nothing.
    fn wished(self) -> Target {
        let (mut target, mut host) = (self.target, self.host);
        for pack in &self.pack {
            tracing::warn!(
                "--pack {} is not read: name its algorithm with --loader FILE.FLM if the board's own will not do",
                pack.display()
            );
        }
        let mut wishes: Vec<_> = self.target_name.map(chip).into_iter().collect();
        for option in &self.option {
            match wish(option) {
                Some(wish) => wishes.push(wish),
                None => tracing::warn!(
                    "-O {option}: ignored; of pyOCD's options only frequency, connect_mode, target_override and semihost_use_syscalls mean something here"
                ),
            }
        }
        for wish in wishes {
            match wish {
                Wish::SpeedKhz(khz) => target.suggest_speed(khz),
                Wish::OnAttach(choice) => target.suggest_on_attach(choice),
                Wish::UnderReset => target.connect_under_reset(),
                Wish::Chip(name) => target.suggest_chip(name),
                Wish::GdbServes => host.suggest_gdb(),
                Wish::Granted => {}
            }
        }
        target.for_clients(host)
    }
}

/// What `NAME=VALUE` asks for; `None` if that is nothing of ours, or the value is none of pyOCD's.
fn wish(option: &str) -> Option<Wish> {
    let (name, value) = option.split_once('=')?;
    match name {
        "frequency" => Some(Wish::SpeedKhz(value.parse::<u32>().ok()?.div_ceil(1000))),
        "target_override" => Some(chip(value.to_owned())),
        "connect_mode" => match value {
            "halt" => Some(Wish::OnAttach(OnAttach::Halt)),
            "attach" => Some(Wish::OnAttach(OnAttach::Run)),
            "pre-reset" => Some(Wish::OnAttach(OnAttach::Arm)),
            "under-reset" => Some(Wish::UnderReset),
            _ => None,
        },
        "semihost_use_syscalls" => match value {
            "1" | "true" => Some(Wish::GdbServes),
            _ => Some(Wish::Granted),
        },
        // They stay, and one client after the other is served.
        "persist" | "keep_unwritten" | "smart_flash" => Some(Wish::Granted),
        _ => None,
    }
}

fn chip(name: String) -> Wish {
    match name.as_str() {
        ANY_CHIP => Wish::Granted,
        _ => Wish::Chip(name),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        command: GdbServer,
    }

    #[test]
    fn what_cortex_debug_gives_is_taken() {
        let words = "pyocd --port 50000 --telnet-port 50001 --board stm32h7s78-dk --target stm32h7s7l8hx --pack ST.pack \
                     -O enable_swv=1 -O frequency=8000000 --appli appli.elf";
        let line = Line::try_parse_from(words.split_whitespace());
        let command = line.unwrap_or_else(|error| panic!("{error}")).command;
        assert_eq!((command.port, command.telnet_port), (50000, Some(50001)));
        assert_eq!(command.option, ["enable_swv=1", "frequency=8000000"]);
    }

    #[test]
    fn options_of_pyocd_become_ours_where_they_mean_something() {
        for (option, meant) in [
            ("frequency=8000000", Some(Wish::SpeedKhz(8000))),
            ("frequency=fast", None),
            ("connect_mode=attach", Some(Wish::OnAttach(OnAttach::Run))),
            ("connect_mode=under-reset", Some(Wish::UnderReset)),
            (
                "target_override=stm32h7s7l8hx",
                Some(Wish::Chip("stm32h7s7l8hx".to_owned())),
            ),
            ("target_override=cortex_m", Some(Wish::Granted)),
            ("persist=true", Some(Wish::Granted)),
            ("semihost_use_syscalls=1", Some(Wish::GdbServes)),
            ("enable_swv=1", None),
            ("frequency", None),
        ] {
            assert_eq!(wish(option), meant, "{option}");
        }
    }
}
